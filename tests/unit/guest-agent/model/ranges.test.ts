import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EVERYTHING, gaps, LAST_IOVA, lengthOf, merged } from '../../../../guest-agent/model/ranges.ts'

const range = fc.tuple(fc.nat(40), fc.nat(10)).map(([start, more]) => ({ start: BigInt(start), last: BigInt(start + more) }))

test('ranges and the gaps between them are everything, each byte once', () => {
  fc.assert(fc.property(fc.array(range, { maxLength: 6 }), range, (ranges, within) => {
    const holes = gaps(ranges, within)
    for (let at = within.start; at <= within.last; at += 1n) {
      const covers = ({ start, last }: { start: bigint; last: bigint }) => start <= at && at <= last
      expect(holes.filter(covers).length).toBe(ranges.some(covers) ? 0 : 1)
    }
    expect(holes.every(({ start, last }) => start >= within.start && last <= within.last)).toBe(true)
  }))
})

test('what touches is one range', () => {
  const ranges = [{ start: 4n, last: 7n }, { start: 0n, last: 3n }, { start: 9n, last: 9n }, { start: 5n, last: 6n }]
  expect(merged(ranges)).toEqual([{ start: 0n, last: 7n }, { start: 9n, last: 9n }])
})

test('an address space ends where 64 bits end', () => {
  expect(gaps([], EVERYTHING)).toEqual([EVERYTHING])
  expect(gaps([{ start: 1n, last: LAST_IOVA }], EVERYTHING)).toEqual([{ start: 0n, last: 0n }])
  expect(lengthOf(EVERYTHING)).toBe(1n << 64n)
})
