import { Worker } from 'node:worker_threads'
import type { ReceiverData, ReceiverSays } from './receiver.ts'

export interface ReceiveEvents {
  readonly connected?: (fd: number) => void
  readonly received: (bytes: Uint8Array, fds: readonly number[]) => void
  readonly ended: (because: string) => void
  readonly stopped?: (because: string) => void
}

/** So many chunks of 64 KiB may wait for the device's thread; then the peer waits. */
const CREDITS = 64

/** Starts the thread that receives from this socket. It ends by itself: with the connection, or when a listening socket is shut down. */
export const receiveFrom = (socket: number, listens: boolean, { connected, received, ended, stopped }: ReceiveEvents): void => {
  const credits = new Int32Array(new SharedArrayBuffer(4))
  credits[0] = CREDITS
  const data: ReceiverData = { socket, listens, credits }
  const worker = new Worker(new URL('./receiver.ts', import.meta.url), { workerData: data })
  worker.on('message', (said: ReceiverSays) => {
    switch (said.kind) {
      case 'connected':
        connected?.(said.fd)
        break
      case 'received':
        Atomics.add(credits, 0, 1)
        Atomics.notify(credits, 0)
        received(said.bytes, said.fds)
        break
      case 'ended':
        ended(said.because)
        break
      case 'stopped':
        stopped?.(said.because)
        break
    }
  })
}
