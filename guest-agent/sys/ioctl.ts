import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'
import { Struct, type Fields } from '../uapi/struct.ts'
import type { Fd } from './fd.ts'
import { checked } from './libc.ts'

/** A struct of uapi/, bytes as they are, a C string, a plain value in place of the pointer, or nothing (NULL). */
export type IoctlArgument = Struct<Fields> | Uint8Array | string | number | bigint | undefined

/**
 * One ioctl by the name that the uapi headers give it; the result is what the kernel returned.
 * Throws Errno with the call and the fields that were filled in.
 */
export const ioctl = (fd: Fd, name: IoctlName, argument?: IoctlArgument): number =>
  ioctlByNumber(fd, IOCTLS[name], argument, name)

/** An ioctl that no header names. */
export const ioctlByNumber = (fd: Fd, request: number, argument?: IoctlArgument, name = `ioctl 0x${request.toString(16)}`): number => {
  const call = `${name}(${describe(argument)})`
  if (argument instanceof Struct) return checked(call, (c) => c.ioctl(fd.number, request, argument.bytes))
  if (argument instanceof Uint8Array) return checked(call, (c) => c.ioctl(fd.number, request, argument))
  if (typeof argument === 'string') return checked(call, (c) => c.ioctl(fd.number, request, new TextEncoder().encode(`${argument}\0`)))
  return argument === undefined
    ? checked(call, (c) => c.ioctl(fd.number, request, null))
    : checked(call, (c) => c.ioctlValue(fd.number, request, argument))
}

const describe = (argument: IoctlArgument): string => {
  if (argument === undefined) return ''
  if (argument instanceof Struct) return argument.describe()
  return argument instanceof Uint8Array ? `${argument.byteLength} bytes` : argument.toString()
}
