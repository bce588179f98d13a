import koffi from 'koffi'
import os from 'node:os'
import { Errno } from '../../../../guest-agent/sys/errno.ts'
import { CONTROL_BYTES, decodeRights, encodeRights } from './rights.ts'

/**
 * Stream sockets of AF_UNIX through the C library, because node:net cannot receive descriptors. Every function throws Errno.
 * A buffer that the kernel is given an address of has an ArrayBuffer of its own: V8 moves small ones that have not.
 */
const lib = koffi.load(null)

interface SocketCalls {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly connect: (fd: number, address: Uint8Array, length: number) => number
  readonly listen: (fd: number, backlog: number) => number
  readonly accept4: (fd: number, address: null, length: null, flags: number) => number
  readonly recvmsg: (fd: number, message: Uint8Array, flags: number) => number
  readonly sendmsg: (fd: number, message: Uint8Array, flags: number) => number
  readonly poll: (fds: Uint8Array, count: number, timeoutMs: number) => number
  readonly shutdown: (fd: number, how: number) => number
  readonly setsockopt: (fd: number, level: number, option: number, value: Uint8Array, length: number) => number
}

const calls: SocketCalls = {
  socket: lib.func('int socket(int, int, int)'),
  bind: lib.func('int bind(int, const void *, unsigned int)'),
  connect: lib.func('int connect(int, const void *, unsigned int)'),
  listen: lib.func('int listen(int, int)'),
  accept4: lib.func('int accept4(int, void *, void *, int)'),
  recvmsg: lib.func('intptr_t recvmsg(int, void *, int)'),
  sendmsg: lib.func('intptr_t sendmsg(int, const void *, int)'),
  poll: lib.func('int poll(void *, unsigned long, int)'),
  shutdown: lib.func('int shutdown(int, int)'),
  setsockopt: lib.func('int setsockopt(int, int, int, const void *, unsigned int)'),
}

const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000
const SOCK_CLOEXEC = 0o2000000
const SHUT_RDWR = 2
const SOL_SOCKET = 1
const SO_SNDTIMEO = 21
const MSG_CTRUNC = 8
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x40000000
const POLLIN = 1
const POLLOUT = 4
const { EINTR, EAGAIN } = os.constants.errno

/** sun_path, with its NUL. */
const PATH_BYTES = 108

/** A socket that listens at the path, which must not exist yet. */
export const listenAt = (path: string): number => {
  const fd = newSocket()
  const address = addressOf(path)
  checked(`bind(${path})`, () => calls.bind(fd, address, address.byteLength))
  checked(`listen(${path})`, () => calls.listen(fd, 1))
  return fd
}

export const connectTo = (path: string): number => {
  const fd = newSocket()
  const address = addressOf(path)
  checked(`connect(${path})`, () => calls.connect(fd, address, address.byteLength))
  return fd
}

export const accept = (fd: number): number => checked('accept4()', () => calls.accept4(fd, null, null, SOCK_CLOEXEC))

/** Is there something to read, or has the other end hung up? False when `timeoutMs` went by without. */
export const readable = (fd: number, timeoutMs: number): boolean => polled(fd, POLLIN, timeoutMs)

/** Would a write be taken at once? */
export const writable = (fd: number): boolean => polled(fd, POLLOUT, 0)

const polled = (fd: number, events: number, timeoutMs: number): boolean => {
  const pollfd = new DataView(new ArrayBuffer(8))
  pollfd.setInt32(0, fd, true)
  pollfd.setInt16(4, events, true)
  return checked('poll()', () => calls.poll(new Uint8Array(pollfd.buffer), 1, timeoutMs)) > 0
}

/** No more of it in either direction: whoever waits in receive() gets the end. The descriptor stays open. */
export const hangUp = (fd: number): void => {
  calls.shutdown(fd, SHUT_RDWR)
}

/** A peer that reads nothing for so long makes send() fail (EAGAIN) where it would block for ever. */
export const limitSending = (fd: number, seconds: number): void => {
  const value = new DataView(new ArrayBuffer(16))
  value.setBigInt64(0, BigInt(seconds), true)
  checked('setsockopt(SO_SNDTIMEO)', () => calls.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, new Uint8Array(value.buffer), 16))
}

export interface Received {
  /** Empty at the end of the stream. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly fds: readonly number[]
  /** More descriptors came than there was room for; the kernel has closed those. */
  readonly truncated: boolean
}

/** Receives into a buffer of its own. Not for two threads at once. */
export class ReceiveBuffer {
  readonly #data: Uint8Array<ArrayBuffer>
  readonly #control = new Uint8Array(new ArrayBuffer(CONTROL_BYTES))
  readonly #message: MessageHeader

  constructor(bytes = 64 * 1024) {
    this.#data = new Uint8Array(new ArrayBuffer(bytes))
    this.#message = new MessageHeader(this.#data, this.#control)
  }

  /** What is there; undefined when there is nothing yet. */
  receive(fd: number): Received | undefined {
    this.#message.reset()
    try {
      const length = checked('recvmsg()', () => calls.recvmsg(fd, this.#message.bytes, MSG_CMSG_CLOEXEC | MSG_DONTWAIT))
      return {
        bytes: this.#data.slice(0, length),
        fds: decodeRights(this.#control.subarray(0, this.#message.controlLength)),
        truncated: (this.#message.flags & MSG_CTRUNC) !== 0,
      }
    } catch (error) {
      if (error instanceof Errno && error.errno === EAGAIN) return undefined
      throw error
    }
  }
}

/** Sends all of it; the descriptors go with its first byte. */
export const send = (fd: number, bytes: Uint8Array, fds: readonly number[] = []): void => {
  const data = new Uint8Array(new ArrayBuffer(bytes.byteLength))
  data.set(bytes)
  const message = new MessageHeader(data, fds.length === 0 ? undefined : encodeRights(fds))
  do {
    message.skip(checked('sendmsg()', () => calls.sendmsg(fd, message.bytes, MSG_NOSIGNAL)))
  } while (message.left > 0)
}

/** struct msghdr with one struct iovec, recvmsg(2). It keeps alive what it points to. */
class MessageHeader {
  readonly bytes = new Uint8Array(new ArrayBuffer(56))
  readonly #view = new DataView(this.bytes.buffer)
  readonly #vector = new Uint8Array(new ArrayBuffer(16))
  readonly #vectorView = new DataView(this.#vector.buffer)
  readonly #data: Uint8Array<ArrayBuffer>
  readonly #control: Uint8Array<ArrayBuffer> | undefined
  #skipped = 0

  constructor(data: Uint8Array<ArrayBuffer>, control: Uint8Array<ArrayBuffer> | undefined) {
    this.#data = data
    this.#control = control
    this.#view.setBigUint64(16, koffi.address(this.#vector), true)
    this.#view.setBigUint64(24, 1n, true)
    this.#vectorView.setBigUint64(0, koffi.address(data), true)
    if (control !== undefined) this.#view.setBigUint64(32, koffi.address(control), true)
    this.reset()
  }

  /** recvmsg(2) writes to it how much it gave: said anew before each. */
  reset(): void {
    this.#vectorView.setBigUint64(8, BigInt(this.left), true)
    this.#view.setBigUint64(40, BigInt(this.#control?.byteLength ?? 0), true)
    this.#view.setInt32(48, 0, true)
  }

  /** Goes on behind what was sent, and with no descriptors. */
  skip(sent: number): void {
    this.#skipped += sent
    this.#vectorView.setBigUint64(0, koffi.address(this.#data) + BigInt(this.#skipped), true)
    this.reset()
    this.#view.setBigUint64(40, 0n, true)
  }

  get left(): number {
    return this.#data.byteLength - this.#skipped
  }

  get controlLength(): number {
    return Number(this.#view.getBigUint64(40, true))
  }

  get flags(): number {
    return this.#view.getInt32(48, true)
  }
}

const newSocket = (): number => checked('socket()', () => calls.socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0))

/** struct sockaddr_un. */
const addressOf = (path: string): Uint8Array<ArrayBuffer> => {
  const bytes = Buffer.from(path)
  if (bytes.byteLength >= PATH_BYTES) throw new RangeError(`${path}: the path of a socket has ${PATH_BYTES - 1} bytes at most`)
  const address = new DataView(new ArrayBuffer(2 + PATH_BYTES))
  address.setUint16(0, AF_UNIX, true)
  const result = new Uint8Array(address.buffer)
  result.set(bytes, 2)
  return result
}

/** errno is read in the next expression after the call: any other native call may change it. */
const checked = (what: string, call: () => number): number => {
  for (;;) {
    const result = call()
    if (result !== -1) return result
    const errno = koffi.errno()
    if (errno !== EINTR) throw new Errno(errno, what)
  }
}
