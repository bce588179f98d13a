import type { CaseContext } from '../../case/case-context.ts'
import { PAGE_SIZE } from '../../sys/memory.ts'
import type { OpenDevice } from '../../vfio/open-device.ts'
import { dmaPage, type DmaPage } from '../dma-page.ts'
import { pattern } from '../pattern.ts'
import type { DmaReader, DmaReport, DmaWriter, FunctionOwner, Interrupter, QueueFaulter, ResetWitness, TestDevice } from '../test-device.ts'
import { until } from '../until.ts'
import { NvmeController } from './controller.ts'
import { bringOnline } from './secondary-controller.ts'
import { FLAG_SGL, Opcode, Status, nvmeStructs, sglBlock, sglLastSegment } from './structs.ts'

/** Of the namespace. */
const BLOCK = 512
const NAMESPACE = 1
/** Where on the disk the driver keeps what it writes to memory, and what it read from there, each a page long; in blocks. */
const PATTERN_AT = 0
const READ_AT = PAGE_SIZE / BLOCK

const IDENTIFY_PRIMARY_CAPABILITIES = 0x14
/** VIPRT: vectors that the primary controller itself keeps (section 5.15.2.14). */
const PRIVATE_VECTORS = 74
const NUMBER_OF_QUEUES = 7
/** What startFunction gives a virtual function: the admin queue and one for data. */
const FUNCTION_VECTORS = 1
const FUNCTION_QUEUES = 2

/** The queue that carries data, and the one that reachesQueue spoils. */
const DATA_QUEUE = 1
const SPOILT_QUEUE = 2

/** QEMU's nvme (hw/nvme, NVM Express Base Specification 1.4): data from and to a small disk, of any length and alignment by an SGL. */
export class Nvme implements DmaWriter, DmaReader, QueueFaulter, Interrupter, ResetWitness, FunctionOwner {
  readonly controller: NvmeController
  /** Each has a queue of its own. */
  readonly vectors: number
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  #pages: { readonly buffer: DmaPage; readonly list: DmaPage } | undefined
  #loaded: Uint8Array | undefined

  private constructor(lab: CaseContext, open: OpenDevice, controller: NvmeController, vectors: number) {
    this.#lab = lab
    this.#open = open
    this.controller = controller
    this.vectors = vectors
  }

  /** The driver of the physical function. */
  static async start(lab: CaseContext, open: OpenDevice): Promise<Nvme> {
    const controller = await NvmeController.start(lab, open)
    const answer = dmaPage(lab, open)
    await controller.succeed(0, { opcode: Opcode.IDENTIFY, data: answer.address, cdw10: IDENTIFY_PRIMARY_CAPABILITIES })
    return new Nvme(lab, open, controller, new DataView(answer.memory.buffer).getUint16(PRIVATE_VECTORS, true))
  }

  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    this.#loaded ??= await this.#load()
    await this.#transfer(Opcode.READ, PATTERN_AT, address, length)
    // The emulated controller does not look at the outcome of a transfer of data.
    return { expected: this.#loaded.slice(0, length), translated: undefined }
  }

  dmaRead = async (address: bigint, length: number): Promise<Uint8Array> => {
    await this.#transfer(Opcode.WRITE, READ_AT, address, length)
    const { memory } = this.#shared().buffer
    memory.bytes.fill(0)
    await this.#wholePage(Opcode.READ, READ_AT)
    return memory.bytes.slice(0, length)
  }

  reachesDescriptor = async (address: bigint): Promise<boolean> => {
    // An SGL of one descriptor that is all zero describes nothing, which is another error.
    const { status } = await this.controller.execute(DATA_QUEUE, {
      opcode: Opcode.READ, flags: FLAG_SGL, nsid: NAMESPACE, data: address, more: sglLastSegment(nvmeStructs.sgl.size),
    })
    return status !== Status.DATA_TRANSFER_ERROR
  }

  reachesQueue = async (address: bigint): Promise<boolean> => {
    const submission = { memory: dmaPage(this.#lab, this.#open).memory, address }
    const queue = await this.controller.createQueue(SPOILT_QUEUE, 0, submission)
    // The command itself stands where nobody reads it: what the controller fetches is zeroes, which is a command that ends with an error.
    queue.submit({})
    return await until(this.#lab, 'nvme: a command fetched or CSTS.CFS', () => (queue.take() === undefined ? (this.controller.isFatal ? false : undefined) : true))
  }

  /** A queue can be given a vector only while MSI-X is on. */
  prepareVectors = async (): Promise<void> => {
    for (let vector = 1; vector < this.vectors; vector += 1) await this.controller.queue(vector, vector)
  }

  /** A command that carries no data on the queue whose completions the vector tells of. */
  raiseInterrupt = async (vector = 0): Promise<void> => {
    const queue = await this.controller.queue(vector)
    queue.submit(vector === 0 ? { opcode: Opcode.GET_FEATURES, cdw10: NUMBER_OF_QUEUES } : { opcode: Opcode.FLUSH, nsid: NAMESPACE })
  }

  /** Takes the completions: as long as one is there INTx is asserted. */
  acknowledgeInterrupt = async (): Promise<void> => {
    for (const queue of this.controller.queues) {
      while (queue.outstanding > 0) await until(this.#lab, 'nvme: a completion', () => queue.take())
    }
  }

  disturb = (): (() => boolean) => () => this.controller.isEnabled

  startFunction = async (number: number, open: OpenDevice): Promise<TestDevice> => {
    await bringOnline(this.controller, dmaPage(this.#lab, this.#open), { number, queues: FUNCTION_QUEUES, vectors: FUNCTION_VECTORS })
    return new Nvme(this.#lab, open, await NvmeController.start(this.#lab, open), FUNCTION_VECTORS)
  }

  /** The transfer as an SGL in memory: the caller's bytes first, the rest of the last block to or from a page of the driver's. */
  async #transfer(opcode: number, block: number, address: bigint, length: number): Promise<void> {
    const { buffer, list } = this.#shared()
    const blocks = Math.ceil(length / BLOCK)
    const rest = blocks * BLOCK - length
    const { sgl } = nvmeStructs
    const descriptors = [{ address, more: sglBlock(length) }, ...(rest === 0 ? [] : [{ address: buffer.address, more: sglBlock(rest) }])]
    descriptors.forEach((descriptor, index) => { list.memory.bytes.set(sgl.make(descriptor).bytes, index * sgl.size) })
    await this.controller.succeed(DATA_QUEUE, {
      opcode, flags: FLAG_SGL, nsid: NAMESPACE, data: list.address, more: sglLastSegment(descriptors.length * sgl.size), cdw10: block, cdw12: blocks - 1,
    })
  }

  /** A page of the disk to or from the driver's own page, by PRP. */
  async #wholePage(opcode: number, block: number): Promise<void> {
    await this.controller.succeed(DATA_QUEUE, { opcode, nsid: NAMESPACE, data: this.#shared().buffer.address, cdw10: block, cdw12: PAGE_SIZE / BLOCK - 1 })
  }

  async #load(): Promise<Uint8Array> {
    const bytes = pattern(PAGE_SIZE)
    this.#shared().buffer.memory.bytes.set(bytes)
    await this.#wholePage(Opcode.WRITE, PATTERN_AT)
    return bytes
  }

  #shared(): { readonly buffer: DmaPage; readonly list: DmaPage } {
    this.#pages ??= { buffer: dmaPage(this.#lab, this.#open), list: dmaPage(this.#lab, this.#open) }
    return this.#pages
  }
}
