import type { Capability } from './capability.ts'
import { CONFIG_BYTES, EXTENDED_START, HEADER_END, PCI_CAP_ID_EXP, STANDARD_BYTES } from './header.ts'

export interface PlacedCapability {
  readonly capability: Capability
  readonly offset: number
  /** Of the one after it in its chain; 0 at the end. */
  readonly next: number
}

/**
 * Gives every capability its place, in the order given, each kind in its own chain.
 * Throws RangeError when there is no room, when two lie on the same bytes, or when the extended ones lack PCI Express.
 */
export const placeCapabilities = (capabilities: readonly Capability[]): readonly PlacedCapability[] => {
  const standard = capabilities.filter(({ extended }) => !extended)
  const extended = capabilities.filter((each) => each.extended)
  if (extended.length > 0 && !standard.some(({ id }) => id === PCI_CAP_ID_EXP)) {
    throw new RangeError(`the extended capability ${extended[0]?.name ?? ''} needs pcie()`)
  }
  const first = extended[0]
  if (first?.at !== undefined && first.at !== EXTENDED_START) throw new RangeError(`${first.name}: the first extended capability lies at 0x100`)
  return [...chain(standard, HEADER_END, STANDARD_BYTES), ...chain(extended, EXTENDED_START, CONFIG_BYTES)]
}

const chain = (capabilities: readonly Capability[], start: number, end: number): readonly PlacedCapability[] => {
  let free = start
  const offsets: number[] = []
  for (const [index, { name, at = free, bytes }] of capabilities.entries()) {
    if (at % 4 !== 0 || at < start || at + bytes.byteLength > end) throw new RangeError(`${name} at 0x${at.toString(16)}: it must lie between 0x${start.toString(16)} and 0x${end.toString(16)}, at a multiple of 4`)
    const other = capabilities.slice(0, index).find((each, before) => overlaps(offsets[before] ?? 0, each, at, bytes.byteLength))
    if (other !== undefined) throw new RangeError(`${name} at 0x${at.toString(16)} lies on ${other.name}`)
    offsets.push(at)
    free = Math.max(free, Math.ceil((at + bytes.byteLength) / 4) * 4)
  }
  return capabilities.map((each, index) => ({ capability: each, offset: offsets[index] ?? 0, next: offsets[index + 1] ?? 0 }))
}

const overlaps = (offset: number, { bytes }: Capability, at: number, length: number): boolean =>
  at < offset + bytes.byteLength && offset < at + length
