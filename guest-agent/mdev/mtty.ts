import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

/** Registers of a 16550 (include/uapi/linux/serial_reg.h); mtty has them as bytes of an I/O BAR a port. */
const DATA = 0
const INTERRUPT_ENABLE = 1
const FIFO_CONTROL = 2
const LINE_STATUS = 5
const SCRATCH = 7

export const RECEIVE_INTERRUPT = 1
const FIFO_ENABLE_AND_CLEAR = 0x7
export const DATA_READY = 1
export const OVERRUN = 2
export const TRANSMITTER_EMPTY = 0x60

/** Characters that its FIFO holds. */
export const MTTY_FIFO = 16

/** A port of an mtty: what is sent comes back, from a FIFO. */
export class MttyPort {
  readonly #device: VfioDevice
  readonly #bar: number

  /** The port is the number of its BAR: 0, and 1 of an mtty-2. */
  constructor(device: VfioDevice, port = 0) {
    this.#device = device
    this.#bar = VFIO.VFIO_PCI_BAR0_REGION_INDEX + port
  }

  clear(): void {
    this.#write(FIFO_CONTROL, FIFO_ENABLE_AND_CLEAR)
  }

  send(bytes: readonly number[]): void {
    for (const byte of bytes) this.#write(DATA, byte)
  }

  receive(count: number): readonly number[] {
    return Array.from({ length: count }, () => this.#read(DATA))
  }

  get lineStatus(): number {
    return this.#read(LINE_STATUS)
  }

  /** A register without a meaning: it keeps what is written to it. */
  get scratch(): number {
    return this.#read(SCRATCH)
  }

  set scratch(value: number) {
    this.#write(SCRATCH, value)
  }

  /** Which events interrupt. */
  get interrupts(): number {
    return this.#read(INTERRUPT_ENABLE)
  }

  set interrupts(events: number) {
    this.#write(INTERRUPT_ENABLE, events)
  }

  #read(register: number): number {
    return this.#device.read(this.#bar, register, 1)
  }

  #write(register: number, value: number): void {
    this.#device.write(this.#bar, register, 1, value)
  }
}
