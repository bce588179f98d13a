import { capability, type Capability } from './capability.ts'
import { PCI_CAP_ID_EXP, PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR, PCI_EXP_DEVCTL } from './header.ts'

/** Every capability may be put at a place of the device's choosing. */
interface Placed {
  readonly at?: number
}

/** Power management: D0 and D3hot, and what the device knows survives the way between them. */
export const pm = ({ at }: Placed = {}): Capability =>
  capability({ name: 'pm', id: 0x01, length: 8, at, registers: [[2, 2, 0x0003, 0], [4, 2, 0x0008, 0x0003]] })

/** @param options.vectors 1, 2, 4, 8, 16 or 32. */
export const msi = ({ vectors = 1, at }: Placed & { readonly vectors?: number } = {}): Capability => {
  if (![1, 2, 4, 8, 16, 32].includes(vectors)) throw new RangeError(`msi({ vectors: ${vectors} }): 1, 2, 4, 8, 16 or 32`)
  const control = 0x0080 | (Math.log2(vectors) << 1)
  return capability({
    name: 'msi', id: 0x05, length: 14, at, interrupts: { kind: 'msi', vectors },
    registers: [[2, 2, control, 0x0071], [4, 4, 0, 0xffff_fffc], [8, 4, 0, 0xffff_ffff], [12, 2, 0, 0xffff]],
  })
}

/**
 * @param options.bar the BAR with the table; one that the device does not define is made, of a fitting size.
 * @param options.table where in it the table lies, 16 bytes a vector.
 * @param options.pending where in it the pending bits lie; by default behind the table.
 */
export const msix = (
  { vectors, bar, table = 0, pending = table + pendingOffset(vectors), at }:
  Placed & { readonly vectors: number; readonly bar: number; readonly table?: number; readonly pending?: number },
): Capability => {
  if (!Number.isInteger(vectors) || vectors < 1 || vectors > 2048) throw new RangeError(`msix({ vectors: ${vectors} }): 1 to 2048`)
  if (!Number.isInteger(bar) || bar < 0 || bar > 5) throw new RangeError(`msix({ bar: ${bar} }): 0 to 5`)
  if (table % 8 !== 0 || pending % 8 !== 0) throw new RangeError('msix(): table and pending bits begin at a multiple of 8')
  return capability({
    name: 'msix', id: 0x11, length: 12, at, interrupts: { kind: 'msix', vectors, bar, table, pending },
    registers: [[2, 2, vectors - 1, 0xc000], [4, 4, table | bar, 0], [8, 4, pending | bar, 0]],
  })
}

const pendingOffset = (vectors: number): number => Math.ceil((vectors * 16) / 0x800) * 0x800

/**
 * PCI Express, version 2, an endpoint with a link of 2.5 GT/s and one lane.
 * @param options.flr may be reset by itself (Function Level Reset). Default true.
 * @param options.tlpPrefix takes TLPs with an end-to-end prefix, which a PASID is. Default false.
 */
export const pcie = ({ flr = true, tlpPrefix = false, at }: Placed & { readonly flr?: boolean; readonly tlpPrefix?: boolean } = {}): Capability =>
  capability({
    name: 'pcie', id: PCI_CAP_ID_EXP, length: 0x3c, at,
    registers: [
      [2, 2, 0x0002, 0],
      [PCI_EXP_DEVCAP, 4, 0x8000 | (flr ? PCI_EXP_DEVCAP_FLR : 0), 0],
      [PCI_EXP_DEVCTL, 2, 0x2810, 0x7fff],
      [0x0c, 4, 0x0000_0011, 0],
      [0x10, 2, 0, 0x0fff],
      [0x12, 2, 0x0011, 0],
      // End-to-end TLP prefixes, four of them.
      [0x24, 4, tlpPrefix ? 0x0020_0000 : 0, 0],
      [0x28, 2, 0, 0xffff],
      [0x30, 2, 0x0001, 0xffff],
    ],
  })

/** Any bytes under the vendor's own id, behind the length byte that the format wants. */
export const vendorSpecific = (data: Uint8Array, { at }: Placed = {}): Capability =>
  capability({
    name: 'vendor-specific', id: 0x09, length: 3 + data.byteLength, at,
    registers: [[2, 1, 3 + data.byteLength, 0], ...[...data].map((byte, index) => [3 + index, 1, byte, 0] as const)],
  })

/** Address Translation Services: the device may ask for translations beforehand. */
export const ats = ({ at }: Placed = {}): Capability =>
  capability({ name: 'ats', id: 0x0f, extended: true, length: 8, at, registers: [[4, 2, 0x0020, 0], [6, 2, 0, 0x801f]] })

/** Process address space ids of so many bits. Without pcie({ tlpPrefix: true }) no root port passes them on. */
export const pasid = ({ bits = 20, at }: Placed & { readonly bits?: number } = {}): Capability =>
  capability({ name: 'pasid', id: 0x1b, extended: true, length: 8, at, registers: [[4, 2, (bits << 8) | 0x0006, 0], [6, 2, 0, 0x0007]] })

/** A serial number of 64 bits. */
export const serialNumber = (serial: bigint, { at }: Placed = {}): Capability =>
  capability({
    name: 'serial-number', id: 0x03, extended: true, length: 12, at,
    registers: [[4, 4, Number(serial & 0xffff_ffffn), 0], [8, 4, Number((serial >> 32n) & 0xffff_ffffn), 0]],
  })

/** Any bytes under the vendor's own id: the extended form of vendorSpecific(). */
export const extendedVendorSpecific = (data: Uint8Array, { at }: Placed = {}): Capability => {
  const length = 8 + data.byteLength
  return capability({
    name: 'extended-vendor-specific', id: 0x0b, extended: true, length, at,
    registers: [[4, 4, (length << 20) | 0x0001, 0], ...[...data].map((byte, index) => [8 + index, 1, byte, 0] as const)],
  })
}
