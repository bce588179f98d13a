import fc from 'fast-check'
import { expect, test } from 'vitest'
import { infoCapabilities } from '../../../guest-agent/vfio/info-capability.ts'

const header = (id: number, next: number): readonly number[] => [id, 0, 1, 0, next, 0, 0, 0]

test('a chain is followed to its end', () => {
  const answer = Uint8Array.from([...Array.from({ length: 8 }, () => 0), ...header(3, 24), ...Array.from({ length: 8 }, () => 9), ...header(1, 0)])
  expect(infoCapabilities(answer, 8).map(({ id, version }) => [id, version])).toEqual([[3, 1], [1, 1]])
  expect(infoCapabilities(answer, 0)).toEqual([])
})

test('a chain that runs in a circle or out of the answer is told', () => {
  expect(() => infoCapabilities(Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, ...header(1, 8)]), 8)).toThrow('offset 8 after 8')
  expect(() => infoCapabilities(new Uint8Array(16), 12)).toThrow('offset 12 after 0')
})

test('no answer of a kernel makes it run for ever', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(80), (answer, offset) => {
    try {
      infoCapabilities(answer, offset)
    } catch (error) {
      expect(String(error)).toContain('capability chain')
    }
  }))
})
