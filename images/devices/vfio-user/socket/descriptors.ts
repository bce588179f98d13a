import fs from 'node:fs'
import { writable } from './unix-socket.ts'

export const closeAll = (fds: readonly number[]): void => {
  for (const fd of fds) fs.closeSync(fd)
}

/** What else a client might send in its place could block, or be a file of somebody's. */
export const isEventfd = (fd: number): boolean => fs.readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventfd]'

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer)

/** Adds 1 to an eventfd. One that is full is raised already, and a write to it would block. */
export const raiseEventfd = (fd: number): void => {
  if (writable(fd)) fs.writeSync(fd, ONE)
}
