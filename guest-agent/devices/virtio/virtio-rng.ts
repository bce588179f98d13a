import type { CaseContext } from '../../case/case-context.ts'
import { equal } from '../../case/expect.ts'
import type { OpenDevice } from '../../vfio/open-device.ts'
import { enableBusMaster } from '../bus-master.ts'
import { dmaPage, type DmaPage } from '../dma-page.ts'
import { SHORTEST_DMA, type DmaReport, type DmaWriter, type Interrupter, type ResetWitness } from '../test-device.ts'
import { until } from '../until.ts'
import { VirtioPciTransport } from './pci-transport.ts'
import { AVAILABLE_AT, QUEUE_SIZE, USED_AT, WriteQueue } from './write-queue.ts'

/** Device status (Virtual I/O Device 1.2, 2.1). */
const ACKNOWLEDGE = 1
const DRIVER = 2
const DRIVER_OK = 4
const FEATURES_OK = 8
/** Feature bits 32 and up: VERSION_1, and ACCESS_PLATFORM without which its DMA would go around the IOMMU (chapter 6). */
const FEATURES_HIGH = 3

const QUEUE = 0
const VECTORS = 2

/** The entropy device: whatever it is offered it fills with random bytes (Virtual I/O Device 1.2, 5.4). */
export class VirtioRng implements DmaWriter, Interrupter, ResetWitness {
  readonly vectors = VECTORS
  readonly #lab: CaseContext
  readonly #open: OpenDevice
  readonly #transport: VirtioPciTransport
  #ready: { readonly queue: WriteQueue; readonly scratch: DmaPage } | undefined

  constructor(lab: CaseContext, open: OpenDevice) {
    this.#lab = lab
    this.#open = open
    enableBusMaster(open.device)
    this.#transport = new VirtioPciTransport(open.device)
  }

  dmaWrite = async (address: bigint, length: number): Promise<DmaReport> => {
    const { queue } = this.#started()
    queue.offer(address, length)
    this.#transport.notify(QUEUE)
    await this.#answered(queue)
    equal(queue.written, length, 'bytes that virtio-rng says it wrote')
    // It says so too when the IOMMU threw them away.
    return { expected: undefined, translated: undefined }
  }

  /** Random bytes into a page of the driver's own. */
  raiseInterrupt = (vector = 0): void => {
    const { queue, scratch } = this.#started()
    this.#transport.set('queue_msix_vector', vector)
    queue.offer(scratch.address, SHORTEST_DMA)
    this.#transport.notify(QUEUE)
  }

  acknowledgeInterrupt = async (): Promise<void> => {
    const { queue } = this.#started()
    await this.#answered(queue)
    this.#transport.readIsr()
  }

  disturb = (): (() => boolean) => {
    this.#transport.set('device_status', ACKNOWLEDGE | DRIVER)
    return () => this.#transport.get('device_status') !== 0
  }

  async #answered(queue: WriteQueue): Promise<void> {
    await until(this.#lab, 'virtio-rng: a buffer comes back', () => (queue.outstanding ? undefined : true))
  }

  #started(): { readonly queue: WriteQueue; readonly scratch: DmaPage } {
    if (this.#ready === undefined) {
      const page = dmaPage(this.#lab, this.#open)
      this.#start(page)
      this.#ready = { queue: new WriteQueue(page), scratch: dmaPage(this.#lab, this.#open) }
    }
    return this.#ready
  }

  /** 3.1.1: reset, features, the one queue, and off. */
  #start(queue: DmaPage): void {
    const set: VirtioPciTransport['set'] = (field, value) => { this.#transport.set(field, value) }
    set('device_status', 0)
    set('device_status', ACKNOWLEDGE | DRIVER)
    set('driver_feature_select', 1)
    set('driver_feature', FEATURES_HIGH)
    set('device_status', ACKNOWLEDGE | DRIVER | FEATURES_OK)
    set('queue_select', QUEUE)
    set('queue_size', QUEUE_SIZE)
    set('queue_msix_vector', 0)
    set('queue_desc', queue.address)
    set('queue_driver', queue.address + BigInt(AVAILABLE_AT))
    set('queue_device', queue.address + BigInt(USED_AT))
    set('queue_enable', 1)
    set('device_status', ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
  }
}
