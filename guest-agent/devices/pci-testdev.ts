import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from '../vfio/open-device.ts'

/** QEMU's pci-testdev (docs/specs/pci-testdev.rst): registers in a memory BAR and in an I/O BAR, neither DMA nor interrupt. */
export const MEMORY_BAR = VFIO.VFIO_PCI_BAR0_REGION_INDEX
export const IO_BAR = VFIO.VFIO_PCI_BAR1_REGION_INDEX

/** Offsets within either BAR. */
const TEST = 0
const WIDTH = 1
const OFFSET = 4
const DATA = 8
const COUNT = 12

/** How a test of the device is to be triggered: by a write of `width` bytes of `data` at `offset`. */
export interface PciTest {
  readonly width: number
  readonly offset: number
  readonly data: number
}

export class PciTestdev {
  readonly #open: OpenDevice
  readonly #bar: number

  constructor(open: OpenDevice, bar: typeof MEMORY_BAR | typeof IO_BAR = MEMORY_BAR) {
    this.#open = open
    this.#bar = bar
  }

  /** Selects a test (0: no eventfd, 1: any data, 2: matching data) and tells how to trigger it. */
  select(test: number): PciTest {
    const { device } = this.#open
    device.write(this.#bar, TEST, 1, test)
    return { width: device.read(this.#bar, WIDTH, 1), offset: device.read(this.#bar, OFFSET, 4), data: device.read(this.#bar, DATA, 4) }
  }

  trigger({ width, offset, data }: PciTest): void {
    if (width !== 1 && width !== 2 && width !== 4) throw new RangeError(`pci-testdev wants a write of ${width} bytes`)
    this.#open.device.write(this.#bar, offset, width, data)
  }

  /** How often the selected test was triggered. */
  get count(): number {
    return this.#open.device.read(this.#bar, COUNT, 4)
  }
}
