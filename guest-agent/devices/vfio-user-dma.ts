import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { Errno } from '../sys/errno.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { enableBusMaster } from './bus-master.ts'
import type { DmaReader, DmaReport, DmaWriter, Interrupter } from './test-device.ts'
import {
  BUFFER_BYTES, BUFFER_OFFSET, COMMAND_READ, COMMAND_WRITE, IDENTIFICATION, pattern, RAISE_ANY, RAISE_KIND_SHIFT, REGISTER, STATUS_BUSY,
  STATUS_DONE, STATUS_NOT_SENT, STATUS_REFUSED,
} from './vfio-user-dma-registers.ts'

const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX

/** How one DMA ended, as the device saw it. `refused`: by whoever translates its addresses; `not-sent`: by the device itself. */
export interface DmaEnd {
  readonly outcome: 'done' | 'refused' | 'not-sent'
  /** The error's name; undefined when it was done. */
  readonly code: string | undefined
}

const DMA_LIMIT_MS = 5000

/** The programmable DMA device of images/devices/vfio-user-dma. It moves any number of bytes up to its limit, and knows what became of them. */
export class VfioUserDma implements DmaWriter, DmaReader, Interrupter {
  readonly vectors: number
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  #seed = 0x2545_f491

  constructor(lab: CaseContext, open: OpenDevice) {
    this.#lab = lab
    this.#open = open
    this.vectors = open.device.irqInfo(VFIO.VFIO_PCI_MSIX_IRQ_INDEX).count
    enableBusMaster(open.device)
    if (this.register(REGISTER.ID) !== IDENTIFICATION) throw new Failed(`${open.pci.toString()} identifies itself as 0x${this.register(REGISTER.ID).toString(16)}`)
  }

  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    this.#seed = (this.#seed + 0x6d2b_79f5) >>> 0
    this.setRegister(REGISTER.SEED, this.#seed)
    const { outcome, code = '' } = await this.transfer(COMMAND_WRITE, address, length)
    if (outcome === 'not-sent') throw new Failed(`the device did not even try to write ${length} bytes to 0x${address.toString(16)}: ${code}`)
    return { expected: pattern(this.#seed, length), translated: outcome === 'done' }
  }

  /** At most a page. */
  dmaRead = async (address: bigint, length: number): Promise<Uint8Array | undefined> => {
    if (length > BUFFER_BYTES) throw new RangeError(`the device keeps ${BUFFER_BYTES} bytes of what it reads`)
    const { outcome, code = '' } = await this.transfer(COMMAND_READ, address, length)
    if (outcome === 'refused') return undefined
    if (outcome !== 'done') throw new Failed(`the device read ${length} bytes at 0x${address.toString(16)}: ${outcome}, ${code}`)
    return this.#open.device.readBytes(BAR, BUFFER_OFFSET, length)
  }

  start(command: number, address: bigint, length: number): void {
    this.#open.device.write(BAR, REGISTER.ADDRESS, 8, address)
    this.setRegister(REGISTER.LENGTH, length)
    this.setRegister(REGISTER.COMMAND, command)
  }

  /** One DMA; resolves when the device knows how it ended. */
  async transfer(command: number, address: bigint, length: number): Promise<DmaEnd> {
    this.start(command, address, length)
    const deadline = performance.now() + DMA_LIMIT_MS
    for (;;) {
      const status = this.register(REGISTER.STATUS)
      if (status !== STATUS_BUSY) return this.#end(status)
      if (performance.now() > deadline) throw new Failed(`vfio-user-dma did not finish a DMA within ${DMA_LIMIT_MS} ms`)
      await setTimeout(1, undefined, { signal: this.#lab.signal })
    }
  }

  /** By whatever the guest has set up. */
  raiseInterrupt = (vector = 0): void => { this.raise(RAISE_ANY, vector) }

  /** Raises one vector of one kind. */
  raise(kind: number, vector: number): void {
    this.setRegister(REGISTER.RAISE, (kind << RAISE_KIND_SHIFT) | vector)
  }

  acknowledgeInterrupt = (): void => { this.setRegister(REGISTER.LOWER, 1) }

  register(offset: number): number {
    return this.#open.device.read(BAR, offset, 4)
  }

  register64(offset: number): bigint {
    return this.#open.device.read(BAR, offset, 8)
  }

  setRegister(offset: number, value: number): void {
    this.#open.device.write(BAR, offset, 4, value)
  }

  #end(status: number): DmaEnd {
    const errno = this.register(REGISTER.ERRNO)
    const code = errno === 0 ? undefined : new Errno(errno, 'DMA').code
    switch (status) {
      case STATUS_DONE: return { outcome: 'done', code }
      case STATUS_REFUSED: return { outcome: 'refused', code }
      case STATUS_NOT_SENT: return { outcome: 'not-sent', code }
      default: throw new Failed(`vfio-user-dma has the status ${status} after a DMA`)
    }
  }
}
