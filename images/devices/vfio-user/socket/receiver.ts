import fs from 'node:fs'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { accept, readable, ReceiveBuffer } from './unix-socket.ts'

/** What the thread is started with, by receive-thread.ts. */
export interface ReceiverData {
  /** Connected, or one that listens: then one connection after the other. */
  readonly socket: number
  readonly listens: boolean
  /** How many more chunks may be on their way to the device's thread: what bounds its memory. */
  readonly credits: Int32Array
}

export type ReceiverSays =
  | { readonly kind: 'connected'; readonly fd: number }
  | { readonly kind: 'received'; readonly bytes: Uint8Array; readonly fds: readonly number[] }
  /** Nothing more comes. The descriptor is still open, and the receiver's last word on it. */
  | { readonly kind: 'ended'; readonly because: string }
  /** A socket that listened takes no more connections: it was shut down, or this is why. */
  | { readonly kind: 'stopped'; readonly because: string }

/** A thread that is blocked in the kernel cannot be ended: so long it lets the process wait. */
const WAIT_MS = 200

const receiveAll = (fd: number, credits: Int32Array, say: Say): string => {
  const buffer = new ReceiveBuffer()
  for (;;) {
    while (Atomics.load(credits, 0) <= 0) Atomics.wait(credits, 0, 0, WAIT_MS)
    const received = buffer.receive(fd)
    if (received === undefined) {
      readable(fd, WAIT_MS)
    } else if (received.bytes.byteLength === 0) {
      return 'the peer hung up'
    } else if (received.truncated) {
      received.fds.forEach((each) => { fs.closeSync(each) })
      return 'the peer sent more descriptors than anybody may'
    } else {
      Atomics.sub(credits, 0, 1)
      say({ kind: 'received', bytes: received.bytes, fds: received.fds }, [received.bytes.buffer])
    }
  }
}

const acceptAll = (listener: number, credits: Int32Array, say: Say): string => {
  for (;;) {
    while (!readable(listener, WAIT_MS));
    const fd = accept(listener)
    say({ kind: 'connected', fd })
    say({ kind: 'ended', because: orReason(() => receiveAll(fd, credits, say)) })
  }
}

const orReason = (receive: () => string): string => {
  try {
    return receive()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

type Say = (what: ReceiverSays, transfer?: readonly ArrayBuffer[]) => void

const sayTo = (port: MessagePort): Say => (what, transfer = []) => { port.postMessage(what, transfer) }

/** The thread that waits for the peer, so that the device's own thread has an event loop. */
const given: unknown = workerData

const isReceiverData = (value: unknown): value is ReceiverData =>
  typeof value === 'object' && value !== null
  && 'socket' in value && typeof value.socket === 'number'
  && 'listens' in value && typeof value.listens === 'boolean'
  && 'credits' in value && value.credits instanceof Int32Array

if (parentPort !== null && isReceiverData(given)) {
  const { socket, listens, credits } = given
  const say = sayTo(parentPort)
  const because = orReason(() => (listens ? acceptAll : receiveAll)(socket, credits, say))
  say({ kind: listens ? 'stopped' : 'ended', because })
}
