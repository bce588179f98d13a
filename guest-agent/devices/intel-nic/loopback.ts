import type { CaseContext } from '../../case/case-context.ts'
import { VFIO } from '../../uapi/vfio.ts'
import type { VfioDevice } from '../../vfio/vfio-device.ts'
import type { OpenDevice } from '../../vfio/open-device.ts'
import { dmaPage, type DmaPage } from '../dma-page.ts'
import { until } from '../until.ts'
import { DESCRIPTOR_SIZE, type DescriptorFormat } from './descriptors.ts'
import {
  QUEUE_ENABLE, RCTL, RCTL_BAM, RCTL_EN, RCTL_LBM_MAC, RCTL_MPE, RCTL_SECRC, RCTL_UPE, RDBAH, RDBAL, RDH, RDLEN, RDT, RXDCTL, TCTL, TCTL_EN, TCTL_PSP,
  TDBAH, TDBAL, TDH, TDLEN, TDT, TXDCTL,
} from './registers.ts'

export const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
/** Slots of either ring. */
const SLOTS = 16
/** A frame that was sent is received at once or never. */
const ARRIVAL_MS = 100

/** A controller that receives what it sends: the frame is read from memory and written to memory. Its link must be up. */
export class Loopback {
  readonly #lab: CaseContext
  readonly #device: VfioDevice
  readonly #format: DescriptorFormat
  readonly #transmit: DmaPage
  readonly #receive: DmaPage
  #slot = 0

  constructor(lab: CaseContext, open: OpenDevice, format: DescriptorFormat) {
    this.#lab = lab
    this.#device = open.device
    this.#format = format
    this.#transmit = dmaPage(lab, open)
    this.#receive = dmaPage(lab, open)
    this.#start()
  }

  /** Carries a frame from one address to another; false: it was sent and did not arrive. */
  async carry(from: bigint, to: bigint, length: number): Promise<boolean> {
    const slot = this.#slot
    this.#slot = (slot + 1) % SLOTS
    this.#format.receive(this.#receive, slot, to)
    this.#format.send(this.#transmit, slot, from, length)
    this.#write(RDT, this.#slot)
    this.#write(TDT, this.#slot)
    await until(this.#lab, 'the network controller sends a frame', () => this.#format.isSent(this.#transmit, slot) || undefined)
    const deadline = performance.now() + ARRIVAL_MS
    return await until(this.#lab, 'a frame arrives', () => this.#format.isReceived(this.#receive, slot) || (performance.now() > deadline ? false : undefined))
  }

  #start(): void {
    for (const [ring, low, high, bytes, head, tail, control] of [
      [this.#transmit, TDBAL, TDBAH, TDLEN, TDH, TDT, TXDCTL], [this.#receive, RDBAL, RDBAH, RDLEN, RDH, RDT, RXDCTL],
    ] as const) {
      this.#write(low, Number(ring.address & 0xffff_ffffn))
      this.#write(high, Number(ring.address >> 32n))
      this.#write(bytes, SLOTS * DESCRIPTOR_SIZE)
      this.#write(head, 0)
      this.#write(tail, 0)
      this.#write(control, QUEUE_ENABLE)
    }
    this.#write(RCTL, RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_LBM_MAC | RCTL_SECRC)
    this.#write(TCTL, TCTL_EN | TCTL_PSP)
  }

  #write(register: number, value: number): void {
    this.#device.write(BAR, register, 4, value)
  }
}
