import { createWriteStream, type WriteStream } from 'node:fs'
import { Socket } from 'node:net'
import koffi from 'koffi'

const O_CLOEXEC = 0o2000000

const pipe2 = koffi.load(null).func('int pipe2(_Out_ int *fds, int flags)')

export interface KernelPipe {
  readonly readable: Socket
  /** To be handed to a child and destroyed here. */
  readonly writable: WriteStream
}

/**
 * pipe(2). What Node calls a pipe to a child is a socket pair, whose buffer is full after some 280 writes of one byte each: a serial
 * port that QEMU writes byte by byte then drops what the guest says while the lab is busy. A pipe packs them into 64 KiB.
 */
export const kernelPipe = (): KernelPipe => {
  const fds = new Int32Array(2)
  const result: unknown = pipe2(fds, O_CLOEXEC)
  const [readFd, writeFd] = fds
  if (result !== 0 || readFd === undefined || writeFd === undefined) throw new Error(`pipe2 failed with errno ${koffi.errno()}`)
  return { readable: new Socket({ fd: readFd, readable: true, writable: false }), writable: createWriteStream('', { fd: writeFd }) }
}
