import type { Capability } from './capability.ts'
import {
  barTypeBits, type BarKind, CONFIG_BYTES, PCI_BASE_ADDRESS_0, PCI_CACHE_LINE_SIZE, PCI_CAPABILITY_LIST, PCI_CLASS, PCI_COMMAND,
  PCI_COMMAND_WRITABLE, PCI_DEVICE_ID, PCI_INTERRUPT_LINE, PCI_INTERRUPT_PIN, PCI_REVISION_ID, PCI_STATUS, PCI_STATUS_CAP_LIST,
  PCI_SUBSYSTEM_ID, PCI_SUBSYSTEM_VENDOR_ID, PCI_VENDOR_ID,
} from './header.ts'
import { type PlacedCapability, placeCapabilities } from './place-capabilities.ts'

export interface Ids {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor?: number
  readonly subsystem?: number
  readonly revision?: number
  /** Class, subclass and programming interface, 24 bits. Default: unclassified, 0x00ff00. */
  readonly class?: number
}

export interface ConfigBar {
  readonly index: number
  readonly kind: BarKind
  readonly prefetchable: boolean
  /** Bytes, a power of two. */
  readonly size: number
}

interface ConfigContents {
  readonly ids: Ids
  readonly bars: readonly ConfigBar[]
  readonly capabilities: readonly Capability[]
  /** The device has an INTx pin. */
  readonly intx: boolean
}

/**
 * The config space of one device, 4096 bytes. QEMU hands writes on as they come, so that what software may not write is kept here.
 * Bits that are cleared by writing 1 are never set by this server, and so are read-only zeroes.
 */
export class ConfigSpace {
  readonly capabilities: readonly PlacedCapability[]
  readonly #bytes = new Uint8Array(CONFIG_BYTES)
  readonly #writable = new Uint8Array(CONFIG_BYTES)
  #afterReset: Uint8Array

  constructor({ ids, bars, capabilities, intx }: ConfigContents) {
    this.capabilities = placeCapabilities(capabilities)
    this.#fillHeader(ids, intx)
    for (const bar of bars) this.#fillBar(bar)
    for (const placed of this.capabilities) this.#fillCapability(placed)
    this.#afterReset = this.#bytes.slice()
  }

  /** Changes what it holds from the start and after every reset, and which bits may be written: to break it on purpose. */
  patch(change: (bytes: DataView, writable: DataView) => void): void {
    change(new DataView(this.#bytes.buffer), new DataView(this.#writable.buffer))
    this.#afterReset = this.#bytes.slice()
  }

  /** `[offset, offset + length)` lies within the 4096 bytes. */
  read(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, offset + length)
  }

  read16(offset: number): number {
    return new DataView(this.#bytes.buffer).getUint16(offset, true)
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const [index, byte] of bytes.entries()) {
      const at = offset + index
      const mask = this.#writable[at] ?? 0
      this.#bytes[at] = ((this.#bytes[at] ?? 0) & ~mask) | (byte & mask)
    }
  }

  reset(): void {
    this.#bytes.set(this.#afterReset)
  }

  #fillHeader(ids: Ids, intx: boolean): void {
    const view = new DataView(this.#bytes.buffer)
    view.setUint16(PCI_VENDOR_ID, ids.vendor, true)
    view.setUint16(PCI_DEVICE_ID, ids.device, true)
    view.setUint16(PCI_STATUS, this.capabilities.length === 0 ? 0 : PCI_STATUS_CAP_LIST, true)
    view.setUint8(PCI_REVISION_ID, ids.revision ?? 0)
    const classCode = ids.class ?? 0x00ff00
    view.setUint8(PCI_CLASS, classCode & 0xff)
    view.setUint16(PCI_CLASS + 1, classCode >> 8, true)
    view.setUint16(PCI_SUBSYSTEM_VENDOR_ID, ids.subsystemVendor ?? ids.vendor, true)
    view.setUint16(PCI_SUBSYSTEM_ID, ids.subsystem ?? ids.device, true)
    view.setUint8(PCI_CAPABILITY_LIST, this.capabilities.find(({ capability }) => !capability.extended)?.offset ?? 0)
    view.setUint8(PCI_INTERRUPT_PIN, intx ? 1 : 0)
    const masks = new DataView(this.#writable.buffer)
    masks.setUint16(PCI_COMMAND, PCI_COMMAND_WRITABLE, true)
    masks.setUint8(PCI_CACHE_LINE_SIZE, 0xff)
    masks.setUint8(PCI_INTERRUPT_LINE, 0xff)
  }

  #fillBar({ index, kind, prefetchable, size }: ConfigBar): void {
    const at = PCI_BASE_ADDRESS_0 + index * 4
    new DataView(this.#bytes.buffer).setUint32(at, barTypeBits({ kind, prefetchable }), true)
    const masks = new DataView(this.#writable.buffer)
    const mask = BigInt.asUintN(64, -BigInt(size))
    masks.setUint32(at, Number(mask & 0xffff_ffffn & (kind === 'io' ? ~3n : ~15n)), true)
    if (kind === 'memory64') masks.setUint32(at + 4, Number(mask >> 32n), true)
  }

  #fillCapability({ capability, offset, next }: PlacedCapability): void {
    this.#bytes.set(capability.bytes, offset)
    this.#writable.set(capability.writable, offset)
    const view = new DataView(this.#bytes.buffer)
    if (capability.extended) {
      view.setUint32(offset, (capability.id | (capability.version << 16) | (next << 20)) >>> 0, true)
    } else {
      view.setUint8(offset, capability.id)
      view.setUint8(offset + 1, next)
    }
  }
}
