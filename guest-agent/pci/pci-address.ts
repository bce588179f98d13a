/** The parts of `0000:01:00.0`. */
export interface PciAddress {
  readonly segment: number
  readonly bus: number
  readonly slot: number
  readonly function: number
}

export const pciAddress = (bdf: string): PciAddress => {
  const [segment = 0, bus = 0, slot = 0, last = 0] = bdf.split(/[:.]/).map((part) => Number.parseInt(part, 16))
  return { segment, bus, slot, function: last }
}
