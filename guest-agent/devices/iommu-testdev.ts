import { Failed } from '../case/expect.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import type { DmaReport, DmaWriter } from './test-device.ts'

/** QEMU's iommu-testdev (include/hw/misc/iommu-testdev.h): one synchronous DMA write that tells whether it was translated. */
const BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
const TRIGGER = 0x00
const IOVA_LOW = 0x04
const IOVA_HIGH = 0x08
const LENGTH = 0x0c
const RESULT = 0x10
const DOORBELL = 0x14
const ATTRIBUTES = 0x18
const GPA_LOW = 0x1c
const GPA_HIGH = 0x20

const ARM = 1
/** Non-secure, the space that every PC device is in. */
const ATTRIBUTES_NONSECURE = (1 << 3) | (1 << 1)
const PATTERN = 0x1234_5678

const DONE = 0
const BAD_LENGTH = 0xdead_0001
const TRANSLATION_FAILED = 0xdead_0002
const READ_BACK_FAILED = 0xdead_0003
/** The device looked for its pattern at a physical address that we do not know; it wrote all the same. */
const MISMATCH = 0xdead_0004

export class IommuTestdev implements DmaWriter {
  readonly #open: OpenDevice

  constructor(open: OpenDevice) {
    this.#open = open
  }

  dmaWrite = (address: bigint, length: number): Promise<DmaReport> => {
    const result = this.write(address, length)
    switch (result) {
      case DONE:
      case MISMATCH:
      case READ_BACK_FAILED:
        return Promise.resolve({ expected: pattern(length), translated: true })
      case TRANSLATION_FAILED:
        return Promise.resolve({ expected: pattern(length), translated: false })
      case BAD_LENGTH:
        return Promise.reject(new RangeError(`iommu-testdev does not write ${length} bytes`))
      default:
        return Promise.reject(new Failed(`iommu-testdev answers a DMA with the result 0x${result.toString(16)}`))
    }
  }

  /** One DMA; returns the RESULT register. */
  write(address: bigint, length: number, physical = address): number {
    this.#set(IOVA_LOW, Number(address & 0xffff_ffffn))
    this.#set(IOVA_HIGH, Number(address >> 32n))
    this.#set(GPA_LOW, Number(physical & 0xffff_ffffn))
    this.#set(GPA_HIGH, Number(physical >> 32n))
    this.#set(LENGTH, length)
    this.#set(ATTRIBUTES, ATTRIBUTES_NONSECURE)
    this.#set(DOORBELL, ARM)
    this.#open.device.read(BAR, TRIGGER, 4)
    return this.#open.device.read(BAR, RESULT, 4)
  }

  #set(register: number, value: number): void {
    this.#open.device.write(BAR, register, 4, value)
  }
}

const pattern = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at + 4 <= length; at += 4) view.setUint32(at, PATTERN, true)
  return bytes
}
