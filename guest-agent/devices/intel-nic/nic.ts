import type { CaseContext } from '../../case/case-context.ts'
import { PAGE_SIZE } from '../../sys/memory.ts'
import type { OpenDevice } from '../../vfio/open-device.ts'
import { enableBusMaster } from '../bus-master.ts'
import { dmaPage, type DmaPage } from '../dma-page.ts'
import { pattern } from '../pattern.ts'
import type { DmaReader, DmaReport, DmaWriter, ResetWitness } from '../test-device.ts'
import type { DescriptorFormat } from './descriptors.ts'
import { BAR, Loopback } from './loopback.ts'
import { TDBAL } from './registers.ts'

/** What the two controllers do in the same way: DMA by loopback, once the link is up. */
export abstract class IntelNic implements DmaWriter, DmaReader, ResetWitness {
  protected readonly lab: CaseContext
  protected readonly open: OpenDevice
  protected abstract readonly format: DescriptorFormat
  #ready: { readonly loopback: Loopback; readonly scratch: DmaPage } | undefined

  constructor(lab: CaseContext, open: OpenDevice) {
    this.lab = lab
    this.open = open
    enableBusMaster(open.device)
  }

  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    const { loopback, scratch } = await this.#started()
    const expected = pattern(PAGE_SIZE).slice(0, length)
    scratch.memory.bytes.set(expected)
    await loopback.carry(scratch.address, address, length)
    // A frame that could not be written is lost, and nobody is told.
    return { expected, translated: undefined }
  }

  dmaRead = async (address: bigint, length: number): Promise<Uint8Array | undefined> => {
    const { loopback, scratch } = await this.#started()
    scratch.memory.bytes.fill(0)
    return await loopback.carry(address, scratch.address, length) ? scratch.memory.bytes.slice(0, length) : undefined
  }

  disturb = (): (() => boolean) => {
    this.write(TDBAL, 0x1234_5000)
    return () => this.read(TDBAL) !== 0
  }

  /** Resolves when the link is up: without it nothing is received, not even of the controller's own frames. */
  protected abstract bringLinkUp(): Promise<void>

  protected read(register: number): number {
    return this.open.device.read(BAR, register, 4)
  }

  protected write(register: number, value: number): void {
    this.open.device.write(BAR, register, 4, value)
  }

  async #started(): Promise<{ readonly loopback: Loopback; readonly scratch: DmaPage }> {
    if (this.#ready === undefined) {
      await this.bringLinkUp()
      this.#ready = { loopback: new Loopback(this.lab, this.open, this.format), scratch: dmaPage(this.lab, this.open) }
    }
    return this.#ready
  }
}
