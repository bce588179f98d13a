import type { IovaRange } from '../iommufd/ioas.ts'

/** The last byte of an address space of 64 bits, and all of it. */
export const LAST_IOVA = 0xffff_ffff_ffff_ffffn
export const EVERYTHING: IovaRange = { start: 0n, last: LAST_IOVA }

export const lengthOf = ({ start, last }: IovaRange): bigint => last - start + 1n

export const overlap = (one: IovaRange, other: IovaRange): boolean => one.start <= other.last && one.last >= other.start

export const hex = (value: bigint): string => `0x${value.toString(16)}n`

/** The literal of what Ioas.ranges() returns. */
export const rangesText = (ranges: readonly IovaRange[], alignment: bigint): string =>
  `{ ranges: [${ranges.map(({ start, last }) => `{ start: ${hex(start)}, last: ${hex(last)} }`).join(', ')}], alignment: ${hex(alignment)} }`

/** By start; those that overlap or touch each other are one. */
export const merged = (ranges: readonly IovaRange[]): readonly IovaRange[] => {
  const found: IovaRange[] = []
  for (const { start, last } of ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const before = found.at(-1)
    if (before === undefined || start > before.last + 1n) found.push({ start, last })
    else if (last > before.last) found[found.length - 1] = { start: before.start, last }
  }
  return found
}

/** What of `within` no range covers. */
export const gaps = (ranges: readonly IovaRange[], within: IovaRange): readonly IovaRange[] => {
  const found: IovaRange[] = []
  let { start } = within
  for (const range of merged(ranges)) {
    if (range.last < start) continue
    if (range.start > within.last) break
    if (range.start > start) found.push({ start, last: range.start - 1n })
    start = range.last + 1n
  }
  if (start <= within.last) found.push({ start, last: within.last })
  return found
}
