import { ProtocolError } from './errors.ts'

/** Commands of vfio-user (QEMU's docs/interop/vfio-user.rst); DMA_READ and DMA_WRITE go from the server to the client, the others to it. */
export const COMMAND = {
  VERSION: 1,
  DMA_MAP: 2,
  DMA_UNMAP: 3,
  DEVICE_GET_INFO: 4,
  DEVICE_GET_REGION_INFO: 5,
  DEVICE_GET_IRQ_INFO: 7,
  DEVICE_SET_IRQS: 8,
  REGION_READ: 9,
  REGION_WRITE: 10,
  DMA_READ: 11,
  DMA_WRITE: 12,
  DEVICE_RESET: 13,
  REGION_WRITE_MULTI: 15,
} as const

export const HEADER_BYTES = 16
/** Most data that one message carries, either way: what the protocol takes for granted when nobody says anything else. */
export const MAX_DATA_BYTES = 1024 * 1024
/** The longest of all messages is a DMA_WRITE with its address and count. */
export const MAX_MESSAGE_BYTES = HEADER_BYTES + 16 + MAX_DATA_BYTES

const TYPE = 0xf
const REPLY = 1
const NO_REPLY = 0x10
const ERROR = 0x20
const KNOWN_FLAGS = TYPE | NO_REPLY | ERROR

export interface Header {
  /** Chosen by the sender of the command, given back in its reply. */
  readonly id: number
  readonly command: number
  /** Of the whole message, header included. */
  readonly size: number
  readonly reply: boolean
  /** The sender of the command wants no reply. */
  readonly posted: boolean
  /** The command failed with this errno, which may be 0 all the same; undefined: it did not fail. */
  readonly errno: number | undefined
}

export interface Message extends Header {
  readonly payload: Uint8Array
  /** Descriptors that came with it; whoever gets the message owns them. */
  readonly fds: readonly number[]
}

type Outgoing = Pick<Header, 'id' | 'command'> & Partial<Pick<Header, 'reply' | 'posted' | 'errno'>>

/** Throws ProtocolError for what no peer in its right mind sends: after it nothing that follows can be read. */
export const decodeHeader = (bytes: Uint8Array): Header => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  const size = view.getUint32(4, true)
  const flags = view.getUint32(8, true)
  if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) throw new ProtocolError(`a message says that it has ${size} bytes`)
  if ((flags & TYPE) > REPLY || (flags & ~KNOWN_FLAGS) !== 0) throw new ProtocolError(`a message has the flags 0x${flags.toString(16)}`)
  return {
    id: view.getUint16(0, true),
    command: view.getUint16(2, true),
    size,
    reply: (flags & TYPE) === REPLY,
    posted: (flags & NO_REPLY) !== 0,
    errno: (flags & ERROR) === 0 ? undefined : view.getUint32(12, true),
  }
}

export const encodeMessage = ({ id, command, reply = false, posted = false, errno }: Outgoing, ...payload: readonly Uint8Array[]): Uint8Array => {
  const size = payload.reduce((total, part) => total + part.byteLength, HEADER_BYTES)
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, id, true)
  view.setUint16(2, command, true)
  view.setUint32(4, size, true)
  view.setUint32(8, (reply ? REPLY : 0) | (posted ? NO_REPLY : 0) | (errno === undefined ? 0 : ERROR), true)
  view.setUint32(12, errno ?? 0, true)
  let at = HEADER_BYTES
  for (const part of payload) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}
