import fs from 'node:fs'
import { loadLibc } from '../../../../guest-agent/sys/libc.ts'
import { memfd } from '../../../../guest-agent/sys/memfd.ts'
import type { Bus } from './bus.ts'

/** What lies in a BAR behind its registers. */
export interface BarMemory {
  /** Fills all of `into` with what is at the offset. */
  readonly read: (offset: number, into: Uint8Array, bus: Bus) => void
  readonly write: (offset: number, bytes: Uint8Array, bus: Bus) => void
  /** A file with the contents, which the client may map. */
  readonly fd?: number
}

/** A file, which the device reaches as well as whoever maps it. */
export interface SharedMemory {
  readonly fd: number
  readonly read: (offset: number, into: Uint8Array) => void
  readonly write: (offset: number, bytes: Uint8Array) => void
}

/** Memory that only the device has; accesses come to it one by one. */
export const privateMemory = (bytes: Uint8Array): BarMemory => ({
  read: (offset, into) => { into.set(bytes.subarray(offset, offset + into.byteLength)) },
  write: (offset, from) => { bytes.set(from.subarray(0, Math.max(0, bytes.byteLength - offset)), offset) },
})

/** Memory that the client maps: the guest reaches it without the device noticing. It takes what was written to, whatever its size is. */
export const sharedMemory = async (size: number): Promise<SharedMemory> => {
  await loadLibc()
  const fd = memfd(size).number
  return {
    fd,
    read: (offset, into) => { fs.readSync(fd, into, 0, into.byteLength, offset) },
    write: (offset, from) => { fs.writeSync(fd, from, 0, from.byteLength, offset) },
  }
}
