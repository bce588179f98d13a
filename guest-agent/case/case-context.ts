import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { CellFacts, DeviceCapability, DeviceKind, ProgramEnd } from '../protocol.ts'
import { DEVICE_CAPABILITIES } from '../protocol.ts'
import { bypassesIommu, findDevices } from '../pci/find-devices.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { Failed } from './expect.ts'

/** The case cannot be carried out here although it was planned. It is never silent: the orchestrator holds it against the plan. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}

const POLL_MS = 50

/** A case that ran before in this guest; times in milliseconds after the boot. */
export interface EarlierCase {
  readonly id: string
  readonly fromMs: number
  readonly toMs: number
}

export interface CaseSurroundings {
  readonly facts: CellFacts
  readonly devices: readonly PciDevice[]
  readonly earlier?: readonly EarlierCase[]
  readonly signal: AbortSignal
  readonly note: (text: string) => void
  /** Asks the orchestrator for a device that is plugged in later, in or out. */
  readonly ask: (event: 'plug' | 'unplug', later: number) => void
  /** Hands on what a program says. */
  readonly output?: (stream: 'stdout' | 'stderr', text: string) => void
}

/** What a case has in its hands: the facts of its cell, its devices, and what is taken down when it ends, however it ends. */
export class CaseContext {
  readonly facts: CellFacts
  readonly earlier: readonly EarlierCase[]
  /** Aborted when its time is over. */
  readonly signal: AbortSignal
  readonly note: (text: string) => void
  readonly measures = new Map<string, number>()
  readonly output: NonNullable<CaseSurroundings['output']>
  /** Of a case that is a program. */
  programEnd: ProgramEnd | undefined
  readonly #ask: CaseSurroundings['ask']
  readonly #devices: readonly PciDevice[]
  readonly #stack = new AsyncDisposableStack()

  constructor({ facts, devices, earlier = [], signal, note, ask, output = () => undefined }: CaseSurroundings) {
    this.output = output
    this.#ask = ask
    this.facts = facts
    this.earlier = earlier
    this.signal = signal
    this.note = note
    this.#devices = devices
  }

  /** Is the symbol (without CONFIG_) y or m in the built .config? */
  config(symbol: string): boolean {
    const value = this.facts.config[symbol]
    return value === 'y' || value === 'm'
  }

  /** Do the tree's uapi headers define the name? */
  defines(name: string): boolean {
    return this.facts.uapi.includes(name)
  }

  get hasIommu(): boolean {
    return this.facts.iommu.length > 0
  }

  /** Are addresses of this device translated by an IOMMU? */
  translates(device: PciDevice): boolean {
    return this.hasIommu && !bypassesIommu(device)
  }

  /** A device without an IOMMU gets a cdev only where this symbol is. */
  get hasCdev(): boolean {
    return this.config('VFIO_DEVICE_CDEV') && (this.hasIommu || this.config('IOMMUFD_NOIOMMU'))
  }

  /** A device of this kind, or one with all of these capabilities; bound to vfio-pci. */
  device(wanted: DeviceKind | readonly DeviceCapability[] = []): PciDevice {
    const found = this.devices(wanted)[0]
    if (found === undefined) throw new Failed(`no device on this machine is ${typeof wanted === 'string' ? wanted : `able to ${wanted.join(', ')}`}`)
    return found
  }

  /** Of those behind the machine's IOMMU, if it has one. */
  devices(wanted: DeviceKind | readonly DeviceCapability[] = []): readonly PciDevice[] {
    return this.#devices.filter((device) => !bypassesIommu(device)).filter(({ kind }) =>
      typeof wanted === 'string' ? kind === wanted : wanted.every((capability) => this.#has(kind, capability)))
  }

  /** As the plan counts it: on this machine. */
  #has(kind: DeviceKind, capability: DeviceCapability): boolean {
    return DEVICE_CAPABILITIES[kind].includes(capability) && this.facts.without?.[kind]?.includes(capability) !== true
  }

  /** One that shares no group with this one: a group is opened once, and has one owner. */
  inAnotherGroup(than: PciDevice): PciDevice {
    const found = this.devices().find(({ groupNumber }) => groupNumber !== than.groupNumber)
    if (found === undefined) throw new Failed(`every device on this machine is in the group of ${than.toString()}`)
    return found
  }

  /** Those that the machine's IOMMU does not see: `topology: ['bypassing']`. */
  get bypassingDevices(): readonly PciDevice[] {
    return this.#devices.filter(bypassesIommu)
  }

  /**
   * For each of the devices behind the machine's IOMMU, one after the other: what the inner context takes is taken down before the next
   * one, which may be in the same group and then can have no other owner.
   */
  async forEachDevice(run: (pci: PciDevice, inner: CaseContext) => void | Promise<void>, devices = this.devices()): Promise<void> {
    for (const pci of devices) {
      const inner = new CaseContext({ facts: this.facts, devices: this.#devices, signal: this.signal, note: this.note, ask: this.#ask })
      try {
        await run(pci, inner)
      } finally {
        await inner.end()
      }
    }
  }

  /** Has the machine's device for later plugged in, and waits until the guest sees it; it is bound to nothing. */
  async plug(later = 0): Promise<PciDevice> {
    const before = new Set(findDevices().map(({ bdf }) => bdf))
    this.#ask('plug', later)
    return this.#until('the device that was plugged in', () => findDevices().find(({ bdf }) => !before.has(bdf)))
  }

  /** Asks the guest to let go of it, as an attention button does (PCIe 6.7.1.5); `isGone` tells when it has. */
  askToUnplug(later = 0): void {
    this.#ask('unplug', later)
  }

  async isGone(device: PciDevice): Promise<void> {
    await this.#until(`the end of ${device.toString()}`, () => (fs.existsSync(device.dir) ? undefined : true))
  }

  /** As long as the case has time. */
  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const seen = look()
      if (seen !== undefined) return seen
      if (this.signal.aborted) throw new Failed(`${what} did not come`)
      await setTimeout(POLL_MS, undefined, { signal: this.signal }).catch(() => undefined)
    }
  }

  /** Ends the case without a verdict of its own. */
  skip(reason: string): never {
    throw new Skipped(reason)
  }

  /**
   * A figure for results.json; the name says the unit: `copyMs`. Times (Ms, Us, Ns) and what is made of them (`NsPerPage`, `Ratio`) may differ
   * from run to run; any other figure must be the same on the same kernel, because a difference between two runs is told.
   */
  measure(name: string, value: number): void {
    this.measures.set(name, value)
  }

  /** Takes this down when the case ends, last first. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    return this.#stack.use(resource)
  }

  /** Does this when the case ends, last first. */
  defer(undo: () => void | Promise<void>): void {
    this.#stack.defer(undo)
  }

  /** For the runner. */
  async end(): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
