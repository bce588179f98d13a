import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareDebianVersions } from '../../../orchestrator/toolbox/debian-version.ts'

test.each([
  ['7.2.13-1', '7.3~rc7-1~exp1'],
  ['7.3~rc7-1~exp1', '7.3~rc7-1'],
  ['7.3~rc7-1', '7.3-1'],
  ['7.3~rc7-1', '7.3~rc10-1'],
  ['7.3-1', '7.3.1-1'],
  ['7.9-1', '7.10-1'],
  ['9.0-1', '1:1.0-1'],
  ['1.0~~', '1.0~'],
  ['1.0~', '1.0'],
  ['1.0', '1.0a'],
  ['1.0a', '1.0+'],
  ['1.0-1', '1.0-1+b9'],
  ['1.0-1', '1.0-1.1'],
  ['1:11.1.3+ds-1~bpo13+1', '1:11.1.3+ds-1'],
  ['1.2-3-9', '1.2-4-1'],
])('%s is older than %s', (older, newer) => {
  expect(compareDebianVersions(older, newer)).toBeLessThan(0)
  expect(compareDebianVersions(newer, older)).toBeGreaterThan(0)
})

test.each([['1.0', '1.0-0'], ['0:1.0', '1.0'], ['1.00', '1.0'], ['1.0-01', '1.0-1'], ['99999999999999999999.1', '099999999999999999999.1']])('%s and %s are the same', (a, b) => {
  expect(compareDebianVersions(a, b)).toBe(0)
})

const version = fc.string({ unit: fc.constantFrom('0', '1', '9', '10', 'a', 'Z', '.', '+', '~', '-'), minLength: 1, maxLength: 12 })

test('it is an order', () => {
  fc.assert(fc.property(version, version, version, (a, b, c) => {
    expect(compareDebianVersions(a, a)).toBe(0)
    expect(Math.sign(compareDebianVersions(a, b))).toBe(0 - Math.sign(compareDebianVersions(b, a)))
    const [x = '', y = '', z = ''] = [a, b, c].toSorted(compareDebianVersions)
    expect(compareDebianVersions(x, z)).toBeLessThanOrEqual(0)
    expect(compareDebianVersions(x, y)).toBeLessThanOrEqual(0)
  }))
})
