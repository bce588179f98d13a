import { VFIO } from '../../../../guest-agent/uapi/vfio.ts'
import type { Capability } from '../pci/capability.ts'
import { ConfigSpace } from '../pci/config-space.ts'
import {
  CONFIG_BYTES, PCI_CAP_ID_EXP, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR,
  PCI_STATUS, PCI_STATUS_INTERRUPT,
} from '../pci/header.ts'
import { type Area, type Bar, type PlacedBar, placeBars } from './bar.ts'
import { BarAccess } from './bar-access.ts'
import { type Bus, irqOf } from './bus.ts'
import type { Device, ResetBy } from './define-device.ts'
import { DmaEngine, type DmaRecord } from './dma.ts'
import { Interrupts } from './interrupts.ts'

const { VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_PCI_NUM_REGIONS: REGIONS } = VFIO

/** What the device tells of itself. */
export interface DeviceReports {
  readonly dma: (record: DmaRecord) => void
  readonly reset: (by: ResetBy) => void
  /** A callback of the device threw. */
  readonly error: (error: unknown) => void
  readonly line: (line: Readonly<Record<string, unknown>>) => void
}

/** A region as the client asks for it. */
export interface Region {
  readonly size: number
  readonly fd: number | undefined
  readonly mmap: 'all' | readonly Area[] | undefined
}

/** One device with all its state. It outlives its clients. Throws RangeError when the device is one that cannot be. */
export class RunningDevice {
  readonly dma: DmaEngine
  readonly interrupts: Interrupts
  readonly #device: Device
  readonly #config: ConfigSpace
  readonly #bars: ReadonlyMap<number, { readonly bar: PlacedBar; readonly access: BarAccess }>
  readonly #bus: Bus
  readonly #reports: DeviceReports
  /** Where FLR is asked for. */
  readonly #flrControl: number | undefined

  constructor(device: Device, reports: DeviceReports) {
    const { capabilities = [], ids, brokenConfig } = device
    const bars = placeBars(withTable(device.bars ?? [], capabilities))
    const vectors = (kind: 'msi' | 'msix') => capabilities.find(({ interrupts }) => interrupts?.kind === kind)?.interrupts?.vectors ?? 0
    const counts = { intx: device.intx ?? vectors('msi') + vectors('msix') === 0, msi: vectors('msi'), msix: vectors('msix') }
    this.#device = device
    this.#reports = reports
    this.#config = new ConfigSpace({ ids, bars, capabilities, intx: counts.intx })
    if (brokenConfig?.patch !== undefined) this.#config.patch(brokenConfig.patch)
    this.interrupts = new Interrupts(counts)
    this.dma = new DmaEngine((record) => { reports.dma(record) })
    this.#bus = { dma: this.dma, irq: irqOf(this.interrupts), report: reports.line }
    this.#bars = new Map(bars.map((bar) => [bar.index, { bar, access: new BarAccess(bar, this.#bus, reports.error) }]))
    this.#flrControl = flrControl(this.#config)
  }

  /** Size 0: there is no such region. Undefined: there cannot be. */
  region(index: number): Region | undefined {
    if (index >= REGIONS) return undefined
    if (index === CONFIG) return { size: CONFIG_BYTES, fd: undefined, mmap: undefined }
    const bar = this.#bars.get(index)?.bar
    return { size: bar?.size ?? 0, fd: bar?.memory?.fd, mmap: bar?.mmap }
  }

  /** The range lies within the region. */
  read(region: number, offset: number, length: number): Uint8Array {
    return region === CONFIG ? this.#readConfig(offset, length) : this.#bars.get(region)?.access.read(offset, length) ?? new Uint8Array(length)
  }

  write(region: number, offset: number, bytes: Uint8Array): void {
    if (region === CONFIG) this.#writeConfig(offset, bytes)
    else this.#bars.get(region)?.access.write(offset, bytes)
  }

  reset(by: ResetBy): void {
    this.#config.reset()
    this.interrupts.reset()
    this.#reports.reset(by)
    this.#guarded(() => this.#device.onReset?.(by, this.#bus))
  }

  connected(link: Parameters<DmaEngine['connect']>[0]): void {
    this.dma.connect(link)
    this.#guarded(() => this.#device.onConnect?.(this.#bus))
  }

  disconnected(): void {
    this.dma.disconnect()
    this.interrupts.release()
  }

  #readConfig(offset: number, length: number): Uint8Array {
    const bytes = this.#config.read(offset, length)
    const status = PCI_STATUS - offset
    if (this.interrupts.asserted && status >= 0 && status < length) bytes[status] = (bytes[status] ?? 0) | PCI_STATUS_INTERRUPT
    this.#guarded(() => this.#device.brokenConfig?.onRead?.(offset, bytes))
    return bytes
  }

  #writeConfig(offset: number, bytes: Uint8Array): void {
    this.#config.write(offset, bytes)
    const flrByte = this.#flrControl === undefined ? -1 : this.#flrControl + 1 - offset
    if (((bytes[flrByte] ?? 0) << 8 & PCI_EXP_DEVCTL_BCR_FLR) !== 0) this.reset('flr')
    this.interrupts.disabled = (this.#config.read16(PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) !== 0
  }

  #guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#reports.error(error)
    }
  }
}

/** The MSI-X table needs a BAR; its contents are the client's. */
const withTable = (bars: readonly Bar[], capabilities: readonly Capability[]): readonly Bar[] => {
  const msix = capabilities.flatMap(({ interrupts }) => (interrupts?.kind === 'msix' ? [interrupts] : []))[0]
  if (msix === undefined) return bars
  const end = Math.max(msix.table + msix.vectors * 16, msix.pending + Math.ceil(msix.vectors / 64) * 8)
  const bar = placeBars(bars).find(({ index }) => index === msix.bar)
  if (bar === undefined) return [...bars, { index: msix.bar, size: 2 ** Math.ceil(Math.log2(Math.max(end, 4096))) }]
  if (bar.kind === 'io' || end > bar.size) throw new RangeError(`msix(): table and pending bits end at 0x${end.toString(16)}, outside of BAR ${msix.bar}`)
  return bars
}

const flrControl = (config: ConfigSpace): number | undefined => {
  const express = config.capabilities.find(({ capability }) => !capability.extended && capability.id === PCI_CAP_ID_EXP)
  if (express === undefined) return undefined
  const { bytes } = express.capability
  const can = new DataView(bytes.buffer, bytes.byteOffset).getUint32(PCI_EXP_DEVCAP, true) & PCI_EXP_DEVCAP_FLR
  return can === 0 ? undefined : express.offset + PCI_EXP_DEVCTL
}
