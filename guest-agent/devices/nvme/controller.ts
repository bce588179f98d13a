import type { CaseContext } from '../../case/case-context.ts'
import { Failed } from '../../case/expect.ts'
import { VFIO } from '../../uapi/vfio.ts'
import type { OpenDevice } from '../../vfio/open-device.ts'
import { enableBusMaster } from '../bus-master.ts'
import { dmaPage, type DmaPage } from '../dma-page.ts'
import { until } from '../until.ts'
import { QUEUE_DEPTH, QueuePair, type Command, type Completion } from './queue-pair.ts'
import { Opcode, Status } from './structs.ts'

/** Registers, NVM Express Base Specification 1.4, section 3.1. */
const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
const CAP_HIGH = 0x04
const CC = 0x14
const CSTS = 0x1c
const AQA = 0x24
const ASQ = 0x28
const ACQ = 0x30
const DOORBELLS = 0x1000

/** Entries of 64 and of 16 bytes, pages of 4 KiB, enabled. */
const CC_ENABLED = 0x0046_0001
const CSTS_READY = 1
const CSTS_FATAL = 2

/** Physically contiguous; with interrupts (section 5.3). */
const CONTIGUOUS = 1
const INTERRUPTS = 2

/** A controller with its admin queue, and I/O queues as they are asked for. Every command is carried out before the next. */
export class NvmeController {
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  readonly #queues = new Map<number, QueuePair>()

  private constructor(lab: CaseContext, open: OpenDevice) {
    this.#lab = lab
    this.#open = open
  }

  static async start(lab: CaseContext, open: OpenDevice): Promise<NvmeController> {
    const controller = new NvmeController(lab, open)
    enableBusMaster(open.device)
    await controller.#start()
    return controller
  }

  /** CSTS.CFS: the controller cannot go on without a reset. */
  get isFatal(): boolean {
    return (this.#read(CSTS) & CSTS_FATAL) !== 0
  }

  get isEnabled(): boolean {
    return (this.#read(CC) & 1) !== 0
  }

  /** One command on the admin queue (0) or an I/O queue. */
  async execute(queue: number, command: Command): Promise<Completion> {
    const pair = await this.queue(queue)
    pair.submit(command)
    return await until(this.#lab, `nvme: command 0x${(command.opcode ?? 0).toString(16)} on queue ${queue}`, () => pair.take())
  }

  /** The same for a command that must succeed. */
  async succeed(queue: number, command: Command): Promise<Completion> {
    const completion = await this.execute(queue, command)
    if (completion.status === Status.SUCCESS) return completion
    throw new Failed(`nvme: command 0x${(command.opcode ?? 0).toString(16)} on queue ${queue} ended with status 0x${completion.status.toString(16)}`)
  }

  /** Those that were asked for so far. */
  get queues(): readonly QueuePair[] {
    return [...this.#queues.values()]
  }

  /** The queue pair of this number; an I/O queue is created when it is asked for first, then with this vector. */
  async queue(id: number, vector = 0): Promise<QueuePair> {
    const known = this.#queues.get(id)
    if (known !== undefined) return known
    const pair = await this.createQueue(id, vector, dmaPage(this.#lab, this.#open))
    this.#queues.set(id, pair)
    return pair
  }

  async createQueue(id: number, vector: number, submission: DmaPage): Promise<QueuePair> {
    const completion = dmaPage(this.#lab, this.#open)
    const cdw10 = ((QUEUE_DEPTH - 1) << 16) | id
    await this.succeed(0, { opcode: Opcode.CREATE_CQ, data: completion.address, cdw10, cdw11: (vector << 16) | INTERRUPTS | CONTIGUOUS })
    await this.succeed(0, { opcode: Opcode.CREATE_SQ, data: submission.address, cdw10, cdw11: (id << 16) | CONTIGUOUS })
    return this.#pair(id, submission, completion)
  }

  async #start(): Promise<void> {
    this.#write(CC, 0)
    await until(this.#lab, 'nvme: the controller is disabled', () => this.#hasStatus(CSTS_READY, 0))
    const [submission, completion] = [dmaPage(this.#lab, this.#open), dmaPage(this.#lab, this.#open)]
    this.#write(AQA, ((QUEUE_DEPTH - 1) << 16) | (QUEUE_DEPTH - 1))
    this.#write64(ASQ, submission.address)
    this.#write64(ACQ, completion.address)
    this.#write(CC, CC_ENABLED)
    await until(this.#lab, 'nvme: the controller is ready', () => this.#hasStatus(CSTS_READY, CSTS_READY))
    this.#queues.set(0, this.#pair(0, submission, completion))
  }

  #pair(id: number, submission: DmaPage, completion: DmaPage): QueuePair {
    // CAP.DSTRD
    const stride = 4 << (this.#read(CAP_HIGH) & 0xf)
    return new QueuePair(submission, completion, (queue, value) => {
      this.#write(DOORBELLS + (2 * id + (queue === 'completion' ? 1 : 0)) * stride, value)
    })
  }

  #hasStatus(mask: number, value: number): true | undefined {
    return (this.#read(CSTS) & mask) === value ? true : undefined
  }

  #read(register: number): number {
    return this.#open.device.read(BAR, register, 4)
  }

  #write(register: number, value: number): void {
    this.#open.device.write(BAR, register, 4, value)
  }

  #write64(register: number, value: bigint): void {
    this.#write(register, Number(value & 0xffff_ffffn))
    this.#write(register + 4, Number(value >> 32n))
  }
}
