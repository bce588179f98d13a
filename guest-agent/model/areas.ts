import type { IovaRange } from '../iommufd/ioas.ts'
import { lengthOf, overlap } from './ranges.ts'

/** What one mapping takes of user memory. */
export interface Piece {
  /** Of its first byte, in the process. */
  readonly address: bigint
  readonly length: bigint
  /** May the memory be written to? A copy cannot have more rights than the memory was mapped with. */
  readonly writable: boolean
}

/** A mapped range (struct iopt_area). */
export interface Area extends IovaRange {
  readonly address: bigint
  readonly writable: boolean
}

/** The mappings of an IOAS: by IOVA, none over another. */
export class Areas {
  #areas: readonly Area[] = []

  get all(): readonly Area[] {
    return this.#areas
  }

  /** The first that has a byte in the range. */
  first(range: IovaRange): Area | undefined {
    return this.#areas.find((area) => overlap(area, range))
  }

  /** Pieces side by side, the first one at `iova`: each an area of its own. */
  insert(pieces: readonly Piece[], iova: bigint): void {
    let start = iova
    const added = pieces.map(({ address, length, writable }): Area => {
      const area = { start, last: start + length - 1n, address, writable }
      start += length
      return area
    })
    this.#set([...this.#areas, ...added])
  }

  /** The memory behind a range; undefined when a byte of it is not mapped. */
  pieces({ start, last }: IovaRange): readonly Piece[] | undefined {
    const pieces: Piece[] = []
    let next = start
    for (const area of this.#areas) {
      if (area.last < next || area.start > last) continue
      if (area.start > next) return undefined
      const end = area.last < last ? area.last : last
      pieces.push({ address: area.address + (next - area.start), length: end - next + 1n, writable: area.writable })
      next = end + 1n
    }
    return next > last ? pieces : undefined
  }

  /** Takes away what lies inside, from the lowest on; an area that is only partly inside stops it. */
  remove(range: IovaRange): { readonly bytes: bigint; readonly stopped: boolean } {
    let bytes = 0n
    for (const area of this.#areas) {
      if (!overlap(area, range)) continue
      if (area.start < range.start || area.last > range.last) return { bytes, stopped: true }
      this.#set(this.#areas.filter((other) => other !== area))
      bytes += lengthOf(area)
    }
    return { bytes, stopped: false }
  }

  /** Makes two of an area; `at` is the last byte of the first. */
  split(area: Area, at: bigint): void {
    const { start, last, address, writable } = area
    const halves = [{ start, last: at, address, writable }, { start: at + 1n, last, address: address + (at + 1n - start), writable }]
    this.#set([...this.#areas.filter((other) => other !== area), ...halves])
  }

  #set(areas: readonly Area[]): void {
    this.#areas = areas.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  }
}
