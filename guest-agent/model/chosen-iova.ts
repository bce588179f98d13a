import type { IovaRange } from '../iommufd/ioas.ts'
import { gaps, LAST_IOVA, merged } from './ranges.ts'

const PAGE = 4096n
/** What the kernel chooses from: not the first page, not the last. */
const CHOICE: IovaRange = { start: PAGE, last: LAST_IOVA - PAGE }

export interface Request {
  /** Of the memory: its alignment is kept as far as the length and the kernel's largest page go. */
  readonly address: bigint
  readonly length: bigint
}

/** How a mapping is aligned when the kernel chooses its IOVA; `largest` is a huge page, or a page where the kernel has no huge ones. */
export const chosenAlignment = ({ address, length }: Request, largest: bigint): bigint => {
  const ofLength = 1n << BigInt((length - 1n).toString(2).length)
  const wanted = length === 1n ? 1n : ofLength
  const ofAddress = address === 0n ? wanted : address & -address
  const smaller = wanted < ofAddress ? wanted : ofAddress
  return smaller < largest ? smaller : largest
}

export interface Occupation {
  /** Nowhere else, if there is one. */
  readonly allowed: readonly IovaRange[]
  /** Mapped or reserved. */
  readonly used: readonly IovaRange[]
}

/** Does the kernel find a place for it? */
export const hasRoom = (request: Request, alignment: bigint, { allowed, used }: Occupation): boolean =>
  (allowed.length === 0 ? [CHOICE] : merged(allowed).map(clipped)).some((span) => {
    const start = firstFit(span, request, alignment)
    return start !== undefined && gaps(used, { start, last: span.last }).some((gap) => firstFit(gap, request, alignment) !== undefined)
  })

const clipped = ({ start, last }: IovaRange): IovaRange => ({
  start: start < CHOICE.start ? CHOICE.start : start,
  last: last > CHOICE.last ? CHOICE.last : last,
})

const firstFit = ({ start, last }: IovaRange, { address, length }: Request, alignment: bigint): bigint | undefined => {
  const aligned = ((start + alignment - 1n) & -alignment) | (address % PAGE)
  // As the kernel has it: a gap of one byte is never taken.
  return aligned < last && last - aligned >= length - 1n ? aligned : undefined
}
