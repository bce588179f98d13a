import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { enableBusMaster } from './bus-master.ts'
import { dmaPage, type DmaPage } from './dma-page.ts'
import { pattern } from './pattern.ts'
import type { DmaReader, DmaReport, DmaWriter, Interrupter } from './test-device.ts'

/**
 * QEMU's edu, docs/specs/edu.rst. Registers are reached by read(2) and write(2) on the region, because the DMA registers
 * want one access of 8 bytes.
 */
const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
const IDENTIFICATION = 0x00
const LIVENESS = 0x04
const IRQ_STATUS = 0x24
const IRQ_RAISE = 0x60
const IRQ_ACKNOWLEDGE = 0x64
const DMA_SOURCE = 0x80
const DMA_DESTINATION = 0x88
const DMA_COUNT = 0x90
const DMA_COMMAND = 0x98

const DMA_RUN = 1
export const DMA_TO_MEMORY = 2
const IRQ_BIT = 1

/** The device's own memory, in its own addresses. */
export const BUFFER = 0x40000n
/** A transfer that ends exactly at the buffer's end aborts old QEMUs. */
const MAX_LENGTH = PAGE_SIZE - 4

/** A DMA starts 100 ms after its command, on the guest's clock. */
const DMA_LIMIT_MS = 5000

export class Edu implements DmaWriter, DmaReader, Interrupter {
  /** It has no MSI-X. */
  readonly vectors = 0
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  #scratch: DmaPage | undefined
  #loaded: Uint8Array | undefined

  constructor(lab: CaseContext, open: OpenDevice) {
    this.#lab = lab
    this.#open = open
    enableBusMaster(open.device)
  }

  get identification(): number {
    return this.#open.device.read(BAR, IDENTIFICATION, 4)
  }

  /** Writes to the register that gives back the complement of what was written. */
  complement(value: number): number {
    this.#open.device.write(BAR, LIVENESS, 4, value)
    return this.#open.device.read(BAR, LIVENESS, 4)
  }

  /** Pending interrupt bits. */
  get interruptStatus(): number {
    return this.#open.device.read(BAR, IRQ_STATUS, 4)
  }

  raiseInterrupt = (): void => { this.raise(IRQ_BIT) }

  /** Interrupt bits of the caller's choice. */
  raise(bits: number): void {
    this.#open.device.write(BAR, IRQ_RAISE, 4, bits)
  }

  /** Must be done with MSI too: a bit that is still set raises no further message. */
  acknowledgeInterrupt = (bits = this.interruptStatus): void => {
    this.#open.device.write(BAR, IRQ_ACKNOWLEDGE, 4, bits)
  }

  /** Writes what its buffer holds, a pattern that is loaded once through a page of the driver's own. */
  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    this.#loaded ??= await this.#load()
    await this.transfer(BUFFER, address, length, DMA_TO_MEMORY)
    // The device ignores the outcome of its DMA.
    return { expected: this.#loaded.slice(0, length), translated: undefined }
  }

  dmaRead = async (address: bigint, length: number): Promise<Uint8Array> => {
    this.#loaded = undefined
    await this.transfer(address, BUFFER, length, 0)
    const scratch = this.#scratchPage()
    scratch.memory.bytes.fill(0)
    await this.transfer(BUFFER, scratch.address, length, DMA_TO_MEMORY)
    return scratch.memory.bytes.slice(0, length)
  }

  /** One DMA; `command` is 0 from memory to the device. Resolves when the device says that it is done. */
  async transfer(source: bigint, destination: bigint, length: number, command: number): Promise<void> {
    if (length > MAX_LENGTH) throw new RangeError(`edu moves at most ${MAX_LENGTH} bytes`)
    const { device } = this.#open
    device.write(BAR, DMA_SOURCE, 8, source)
    device.write(BAR, DMA_DESTINATION, 8, destination)
    device.write(BAR, DMA_COUNT, 8, length)
    device.write(BAR, DMA_COMMAND, 8, command | DMA_RUN)
    const deadline = performance.now() + DMA_LIMIT_MS
    while ((device.read(BAR, DMA_COMMAND, 8) & 1n) !== 0n) {
      if (performance.now() > deadline) throw new Failed(`edu did not finish a DMA within ${DMA_LIMIT_MS} ms`)
      await setTimeout(2, undefined, { signal: this.#lab.signal })
    }
  }

  async #load(): Promise<Uint8Array> {
    const scratch = this.#scratchPage()
    const bytes = pattern(PAGE_SIZE)
    scratch.memory.bytes.set(bytes)
    await this.transfer(scratch.address, BUFFER, MAX_LENGTH, 0)
    return bytes
  }

  #scratchPage(): DmaPage {
    this.#scratch ??= dmaPage(this.#lab, this.#open)
    return this.#scratch
  }
}
