import { ProtocolError } from './errors.ts'
import { decodeHeader, HEADER_BYTES, type Header, type Message } from './message.ts'

/** SCM_RIGHTS carries 253 at most; nobody needs as many for one message. */
const MOST_FDS = 64

/**
 * Cuts a stream into messages. Memory is bounded: there is one message under construction, and its length was checked.
 * A chunk is what one recvmsg(2) gave. The kernel ends it with the piece that brought descriptors, at the latest, so that they
 * belong to the message in which the chunk's last byte lies.
 */
export class Framer {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  #open: { readonly header: Header; readonly payload: Uint8Array; filled: number } | undefined
  /** Of the message under construction. */
  #held: number[] = []
  /** Of the chunk at hand. */
  #arrived: readonly number[] = []

  /** The descriptors that came and were not handed out. */
  abandon(): readonly number[] {
    const left = [...this.#held, ...this.#arrived]
    this.#held = []
    this.#arrived = []
    return left
  }

  /** The messages that this chunk completes. Throws ProtocolError; `abandon` then gives the descriptors that nobody got. */
  *push(chunk: Uint8Array, fds: readonly number[] = []): Generator<Message, void> {
    this.#arrived = fds
    let at = 0
    while (at < chunk.byteLength) {
      at += this.#fill(chunk.subarray(at))
      const message = this.#complete(at === chunk.byteLength)
      if (message !== undefined) yield message
    }
    this.#held.push(...this.#arrived)
    this.#arrived = []
    if (this.#held.length > MOST_FDS) throw new ProtocolError(`a message brings ${this.#held.length} descriptors`)
  }

  /** How many bytes of the chunk went into the message at hand. */
  #fill(chunk: Uint8Array): number {
    if (this.#open === undefined) {
      const part = chunk.subarray(0, HEADER_BYTES - this.#headerBytes)
      this.#header.set(part, this.#headerBytes)
      this.#headerBytes += part.byteLength
      if (this.#headerBytes === HEADER_BYTES) {
        const header = decodeHeader(this.#header)
        this.#open = { header, payload: new Uint8Array(header.size - HEADER_BYTES), filled: 0 }
      }
      return part.byteLength
    }
    const part = chunk.subarray(0, this.#open.payload.byteLength - this.#open.filled)
    this.#open.payload.set(part, this.#open.filled)
    this.#open.filled += part.byteLength
    return part.byteLength
  }

  #complete(endsChunk: boolean): Message | undefined {
    if (this.#open === undefined || this.#open.filled < this.#open.payload.byteLength) return undefined
    const { header, payload } = this.#open
    const fds = endsChunk ? this.abandon() : this.#held.splice(0)
    if (fds.length > MOST_FDS) {
      this.#held = [...fds]
      throw new ProtocolError(`a message brings ${fds.length} descriptors`)
    }
    this.#open = undefined
    this.#headerBytes = 0
    return { ...header, payload, fds }
  }
}
