import { Layout } from '../../uapi/struct.ts'
import type { DmaPage } from '../dma-page.ts'

/** Entries of the queue; its three parts share a page (Virtual I/O Device 1.2, 2.7). */
export const QUEUE_SIZE = 8
export const AVAILABLE_AT = 0x100
export const USED_AT = 0x200

const descriptor = new Layout('virtq_desc', { address: 'u64', length: 'u32', flags: 'u16', next: 'u16' })
const DESC_F_WRITE = 2

/** A split virtqueue of buffers that the device writes to, one at a time. */
export class WriteQueue {
  readonly #page: DmaPage
  /** Counts on; the rings take it modulo their size. */
  #index = 0

  constructor(page: DmaPage) {
    this.#page = page
  }

  get outstanding(): boolean {
    return this.#u16(USED_AT + 2) !== this.#index
  }

  offer(address: bigint, length: number): void {
    const slot = this.#index % QUEUE_SIZE
    this.#page.memory.bytes.set(descriptor.make({ address, length, flags: DESC_F_WRITE }).bytes, slot * descriptor.size)
    this.#setU16(AVAILABLE_AT + 4 + 2 * slot, slot)
    this.#index = (this.#index + 1) & 0xffff
    this.#setU16(AVAILABLE_AT + 2, this.#index)
  }

  /** How many bytes the device wrote of the buffer offered last. */
  get written(): number {
    const slot = (this.#index - 1) & (QUEUE_SIZE - 1)
    return new DataView(this.#page.memory.buffer).getUint32(USED_AT + 4 + 8 * slot + 4, true)
  }

  #u16(offset: number): number {
    return new DataView(this.#page.memory.buffer).getUint16(offset, true)
  }

  #setU16(offset: number, value: number): void {
    new DataView(this.#page.memory.buffer).setUint16(offset, value, true)
  }
}
