import type { IovaRange } from '../iommufd/ioas.ts'
import { Areas, type Area, type Piece } from './areas.ts'
import { chosenAlignment, hasRoom } from './chosen-iova.ts'
import { DONE, refused, type Expectation } from './expectation.ts'
import { EVERYTHING, gaps, LAST_IOVA, lengthOf, merged, overlap, rangesText } from './ranges.ts'

const PAGE = 4096n

/** What an IOAS is: its areas, and what restricts them (struct io_pagetable). */
export class IoPagetable {
  readonly areas = new Areas()
  readonly #largestAlignment: bigint
  /** The alignment of each page table that is filled from here. */
  readonly #domains = new Map<number, bigint>()
  /** By the id of the object whose fault it is: a page table or a device. */
  readonly #reserved = new Map<number, readonly IovaRange[]>()
  #allowed: readonly IovaRange[] = []
  #hasLargePages = true
  #alignment = 1n

  /** @param largestAlignment of what the kernel places by itself: a huge page, or a page where it has no huge ones */
  constructor(largestAlignment: bigint) {
    this.#largestAlignment = largestAlignment
  }

  get splits(): boolean {
    return !this.#hasLargePages
  }

  /** Without an IOVA the kernel chooses. */
  map(pieces: readonly Piece[], { iova, write }: { readonly iova: bigint | undefined; readonly write: boolean }): Expectation {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0n)
    if (length === 0n || this.#isOdd(length)) return refused('EINVAL')
    const [first] = pieces
    if (first === undefined) return refused('EINVAL')
    const alignment = chosenAlignment({ address: first.address, length }, this.#largestAlignment)
    const wrong = (iova === undefined ? this.#noRoom(first.address, length, alignment) : this.#notThere(iova, length)) ?? this.#notThose(pieces, write)
    if (wrong !== undefined) return refused(wrong)
    if (iova !== undefined) {
      this.areas.insert(pieces, iova)
      return { returns: iova }
    }
    const multiple = alignment < PAGE ? alignment : PAGE
    return {
      chooses: `a free IOVA, a multiple of 0x${multiple.toString(16)}`,
      accepts: (chosen) => chosen !== 0n && chosen % multiple === 0n && this.#isFree({ start: chosen, last: chosen + length - 1n }),
      record: (chosen) => { this.areas.insert(pieces, chosen) },
    }
  }

  /** The memory behind a range, or the errno of a range that is none. */
  pieces(iova: bigint, length: bigint): readonly Piece[] | string {
    if (length === 0n) return 'EINVAL'
    const last = iova + length - 1n
    if (last > LAST_IOVA) return 'EOVERFLOW'
    return this.areas.pieces({ start: iova, last }) ?? 'ENOENT'
  }

  /** What it takes away before it meets an area that is only partly inside is gone, although it is refused. */
  unmap(iova: bigint, length: bigint): Expectation {
    if (length === 0n) return refused('EINVAL')
    const last = iova + length - 1n
    if (last > LAST_IOVA) return refused('EOVERFLOW')
    const { bytes, stopped } = this.areas.remove({ start: iova, last })
    return stopped ? refused('ENOENT') : { returns: bytes }
  }

  unmapAll(): Expectation {
    return { returns: this.areas.remove(EVERYTHING).bytes }
  }

  /** Splits the area of `at` behind it; an errno when it cannot. A type1 container does it before it unmaps. */
  cut(at: bigint): string | undefined {
    const area = this.areas.first({ start: at, last: at })
    if (area === undefined || at === area.start || at === area.last) return undefined
    if (this.#isOdd(at + 1n) || this.#isOdd(area.address % PAGE + at + 1n - area.start)) return 'EINVAL'
    this.areas.split(area, at)
    return undefined
  }

  allow(ranges: readonly IovaRange[]): Expectation {
    const isOdd = ({ start, last }: IovaRange, index: number) => start >= last || ranges.slice(0, index).some((other) => overlap(other, { start, last }))
    if (ranges.some(isOdd)) return refused('EINVAL')
    if (ranges.some((range) => this.#isReserved(range))) return refused('EADDRINUSE')
    this.#allowed = ranges
    return DONE
  }

  /** What Ioas.ranges() must return. */
  ranges(): string {
    return rangesText(gaps(this.#allReserved, EVERYTHING), this.#alignment)
  }

  /** Large pages cannot be split; without them everything is aligned to pages. */
  setLargePages(wanted: boolean): Expectation {
    if (wanted || !this.#hasLargePages) {
      this.#hasLargePages = wanted
      this.#alignment = this.#calculated()
      return DONE
    }
    if (this.#domains.size > 0 && this.areas.all.length > 0) return refused('EINVAL')
    if (this.#alignment < PAGE && this.areas.all.some((area) => isMisaligned(area, PAGE))) return refused('EADDRINUSE')
    this.#hasLargePages = false
    this.#alignment = this.#calculated()
    return DONE
  }

  /** A page table that is filled from here, with what its hardware cannot reach. The errno of why not. */
  addDomain(id: number, alignment: bigint, unreachable: readonly IovaRange[]): string | undefined {
    if (alignment > this.#alignment && this.areas.all.some((area) => isMisaligned(area, alignment))) return 'EADDRINUSE'
    const wrong = this.reserve(id, unreachable)
    if (wrong !== undefined) return wrong
    this.#domains.set(id, alignment)
    this.#alignment = this.#calculated()
    return undefined
  }

  removeDomain(id: number): void {
    this.#domains.delete(id)
    this.#reserved.delete(id)
    this.#alignment = this.#calculated()
  }

  /** The errno of why not: it must be neither mapped nor asked for. */
  reserve(owner: number, ranges: readonly IovaRange[]): string | undefined {
    const inUse = ranges.some((range) => this.areas.first(range) !== undefined || this.#allowed.some((allowed) => overlap(allowed, range)))
    if (inUse) return 'EADDRINUSE'
    this.#reserved.set(owner, ranges)
    return undefined
  }

  release(owner: number): void {
    this.#reserved.delete(owner)
  }

  #noRoom(address: bigint, length: bigint, alignment: bigint): string | undefined {
    if (length >= LAST_IOVA / 2n) return 'EOVERFLOW'
    if (alignment < this.#alignment) return 'EINVAL'
    return hasRoom({ address, length }, alignment, { allowed: this.#allowed, used: [...this.areas.all, ...this.#allReserved] }) ? undefined : 'ENOSPC'
  }

  #notThere(iova: bigint, length: bigint): string | undefined {
    if (this.#isOdd(iova)) return 'EINVAL'
    const range = { start: iova, last: iova + length - 1n }
    if (range.last > LAST_IOVA) return 'EOVERFLOW'
    if (this.#isReserved(range)) return 'EINVAL'
    return this.areas.first(range) === undefined ? undefined : 'EEXIST'
  }

  #notThose(pieces: readonly Piece[], write: boolean): string | undefined {
    for (const { address, writable } of pieces) {
      if (write && !writable) return 'EPERM'
      if (this.#isOdd(address % PAGE)) return 'EINVAL'
    }
    return undefined
  }

  #isFree(range: IovaRange): boolean {
    const isAllowed = this.#allowed.length === 0 || merged(this.#allowed).some(({ start, last }) => start <= range.start && range.last <= last)
    return isAllowed && range.last <= LAST_IOVA && !this.#isReserved(range) && this.areas.first(range) === undefined
  }

  #isReserved(range: IovaRange): boolean {
    return this.#allReserved.some((reserved) => overlap(reserved, range))
  }

  get #allReserved(): readonly IovaRange[] {
    return [...this.#reserved.values()].flat()
  }

  #isOdd(bytes: bigint): boolean {
    return bytes % this.#alignment !== 0n
  }

  #calculated(): bigint {
    return [...this.#domains.values()].reduce((largest, each) => (each > largest ? each : largest), this.#hasLargePages ? 1n : PAGE)
  }
}

const isMisaligned = (area: Area, alignment: bigint): boolean =>
  [area.start, lengthOf(area), area.address % PAGE].some((bytes) => bytes % alignment !== 0n)
