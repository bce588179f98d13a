/** The parts of `0000:01:00.0`. */
export interface PciAddress {
  readonly segment: number
  readonly bus: number
  readonly slot: number
  readonly function: number
}

/** The address of a root port that stands at this slot of the root bus: `0000:00:0a.0`. */
export const rootPortAt = (slot: number): string => `0000:00:${slot.toString(16).padStart(2, '0')}.0`

export const pciAddress = (bdf: string): PciAddress => {
  const [segment = 0, bus = 0, slot = 0, last = 0] = bdf.split(/[:.]/).map((part) => Number.parseInt(part, 16))
  return { segment, bus, slot, function: last }
}
