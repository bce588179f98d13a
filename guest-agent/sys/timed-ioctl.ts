import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'
import { Struct, type Fields } from '../uapi/struct.ts'
import type { Fd } from './fd.ts'
import { noting } from './ioctl-outcomes.ts'
import { checked } from './libc.ts'

/** One ioctl, and how long the call took, in nanoseconds. Whatever is made for it is made before the clock starts. Throws Errno. */
export const timedIoctl = (fd: Fd, name: IoctlName, argument: Struct<Fields> | Uint8Array): number => {
  const [bytes, said] = argument instanceof Struct ? [argument.bytes, argument.describe()] : [argument, '']
  const request = IOCTLS[name]
  let [started, ended] = [0n, 0n]
  noting(name, () => checked(`${name}(${said})`, (c) => {
    started = process.hrtime.bigint()
    const result = c.ioctl(fd.number, request, bytes)
    ended = process.hrtime.bigint()
    return result
  }))
  return Number(ended - started)
}
