import fc from 'fast-check'
import { expect, it } from 'vitest'
import { median } from '../../../../guest-agent/performance/median.ts'

const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 })

it.each([[[7], 7], [[1, 9], 5], [[9, 1, 2], 2], [[100, 1, 3, 2], 2.5]])('of %j is %d', (of, is) => {
  expect(median(of)).toBe(is)
})

it('is exceeded by at most half of the values and exceeds at most half, in whatever order they come', () => {
  fc.assert(fc.property(values, (some) => {
    const middle = median(some)
    expect(some.filter((value) => value > middle).length).toBeLessThanOrEqual(some.length / 2)
    expect(some.filter((value) => value < middle).length).toBeLessThanOrEqual(some.length / 2)
    expect(median(some.toReversed())).toBe(middle)
  }))
})

it('does not follow a minority that is far off', () => {
  fc.assert(fc.property(fc.array(fc.constant(1e12), { maxLength: 4 }), (far) => { expect(median([5, 5, 5, 5, 5, ...far])).toBe(5) }))
})

it('of nothing is an error', () => {
  expect(() => median([])).toThrow('no value has a median')
})
