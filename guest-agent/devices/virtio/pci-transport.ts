import { Failed } from '../../case/expect.ts'
import { PCI_CAP_ID_VENDOR, capabilityChain } from '../../pci/header.ts'
import { VFIO } from '../../uapi/vfio.ts'
import type { VfioDevice } from '../../vfio/vfio-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX

/** Structures of a modern device, each told by a vendor capability (Virtual I/O Device 1.2, 4.1.4). */
const COMMON = 1
const NOTIFY = 2
const ISR = 3
/** Fields of that capability. */
const CAP_TYPE = 3
const CAP_BAR = 4
const CAP_OFFSET = 8
const CAP_NOTIFY_MULTIPLIER = 16

/** The common configuration structure (4.1.4.3): offset and width of each field. */
const FIELDS = {
  driver_feature_select: [0x08, 4],
  driver_feature: [0x0c, 4],
  device_status: [0x14, 1],
  queue_select: [0x16, 2],
  queue_size: [0x18, 2],
  queue_msix_vector: [0x1a, 2],
  queue_enable: [0x1c, 2],
  queue_notify_off: [0x1e, 2],
  queue_desc: [0x20, 8],
  queue_driver: [0x28, 8],
  queue_device: [0x30, 8],
} as const

type Field = keyof typeof FIELDS

interface Structure {
  readonly region: number
  readonly offset: number
}

/** The registers of a modern virtio device. */
export class VirtioPciTransport {
  readonly #device: VfioDevice
  readonly #common: Structure
  readonly #isr: Structure
  readonly #notify: Structure
  readonly #notifyMultiplier: number

  constructor(device: VfioDevice) {
    this.#device = device
    this.#common = this.#structure(COMMON)
    this.#isr = this.#structure(ISR)
    this.#notify = this.#structure(NOTIFY)
    this.#notifyMultiplier = device.read(CONFIG, this.#capability(NOTIFY) + CAP_NOTIFY_MULTIPLIER, 4)
  }

  get(field: Exclude<Field, 'queue_desc' | 'queue_driver' | 'queue_device'>): number {
    const [at, width] = FIELDS[field]
    return this.#device.read(this.#common.region, this.#common.offset + at, width)
  }

  set(field: Field, value: number | bigint): void {
    const [at, width] = FIELDS[field]
    const offset = this.#common.offset + at
    // A field of 64 bits is two of 32 (4.1.3.1).
    for (let done = 0; done < width; done += 4) {
      const part = Number((BigInt(value) >> BigInt(8 * done)) & 0xffff_ffffn)
      this.#device.write(this.#common.region, offset + done, width === 8 ? 4 : width, part)
    }
  }

  /** Tells the device that the selected queue has something new. */
  notify(queue: number): void {
    const offset = this.#notify.offset + this.get('queue_notify_off') * this.#notifyMultiplier
    this.#device.write(this.#notify.region, offset, 2, queue)
  }

  /** The interrupt's cause, which takes INTx back. */
  readIsr(): number {
    return this.#device.read(this.#isr.region, this.#isr.offset, 1)
  }

  #structure(type: number): Structure {
    const at = this.#capability(type)
    return { region: this.#device.read(CONFIG, at + CAP_BAR, 1), offset: this.#device.read(CONFIG, at + CAP_OFFSET, 4) }
  }

  #capability(type: number): number {
    const found = capabilityChain((offset) => this.#device.read(CONFIG, offset, 1))
      .find(([at, id]) => id === PCI_CAP_ID_VENDOR && this.#device.read(CONFIG, at + CAP_TYPE, 1) === type)
    if (found === undefined) throw new Failed(`the virtio device has no structure of type ${type}`)
    return found[0]
  }
}
