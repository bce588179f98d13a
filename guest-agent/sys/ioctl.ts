import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'
import { Struct, type Fields } from '../uapi/struct.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { Fd } from './fd.ts'
import { noting } from './ioctl-outcomes.ts'
import { checked } from './libc.ts'

/** A struct of uapi/, bytes as they are, a C string, a plain value in place of the pointer, or nothing (NULL). */
export type IoctlArgument = Struct<Fields> | Uint8Array | string | number | bigint | undefined

/**
 * One ioctl by the name that the uapi headers give it; the result is what the kernel returned.
 * Throws Errno with the call and the fields that were filled in.
 */
export const ioctl = (fd: Fd, name: IoctlName, argument?: IoctlArgument): number =>
  ioctlByNumber(fd, IOCTLS[name], argument, name)

/** The same by its number, which need not be one that a header names. Of a feature whose struct lies in no memory the name says which: `VFIO_DEVICE_FEATURE/DMA_BUF`. */
export const ioctlByNumber = (fd: Fd, request: number, argument?: IoctlArgument, name = `ioctl 0x${request.toString(16)}`): number => {
  const carryOut = () => call(fd, request, argument, `${name}(${describe(argument)})`)
  return name.replace(/\/.*/, '') in IOCTLS ? noting(notedName(name, argument), carryOut) : carryOut()
}

const call = (fd: Fd, request: number, argument: IoctlArgument, what: string): number => {
  if (argument instanceof Struct) return checked(what, (c) => c.ioctl(fd.number, request, argument.bytes))
  if (argument instanceof Uint8Array) return checked(what, (c) => c.ioctl(fd.number, request, argument))
  if (typeof argument === 'string') return checked(what, (c) => c.ioctl(fd.number, request, new TextEncoder().encode(`${argument}\0`)))
  return argument === undefined
    ? checked(what, (c) => c.ioctl(fd.number, request, null))
    : checked(what, (c) => c.ioctlValue(fd.number, request, argument))
}

/** VFIO_DEVICE_FEATURE is many ioctls in one: `VFIO_DEVICE_FEATURE/DMA_BUF`. */
const notedName = (name: string, argument: IoctlArgument): string => {
  if (name !== 'VFIO_DEVICE_FEATURE') return name
  const bytes = argument instanceof Struct ? argument.bytes : argument
  if (!(bytes instanceof Uint8Array) || bytes.byteLength < FEATURE_FLAGS_END) return name
  const flags = new DataView(bytes.buffer, bytes.byteOffset).getUint32(FEATURE_FLAGS_END - 4, true)
  const feature = FEATURES.get(flags & VFIO.VFIO_DEVICE_FEATURE_MASK)
  return feature === undefined ? name : `${name}/${feature}`
}

/** struct vfio_device_feature: argsz, flags; the number of the feature stands in the flags. */
const FEATURE_FLAGS_END = 8
const FEATURE = /^VFIO_DEVICE_FEATURE_(?!MASK$|GET$|SET$|PROBE$)(\w+)$/
const FEATURES: ReadonlyMap<number, string> = new Map(Object.entries(VFIO).flatMap(([name, value]) => {
  const feature = FEATURE.exec(name)?.[1]
  return feature === undefined ? [] : [[value, feature] as const]
}))

const describe = (argument: IoctlArgument): string => {
  if (argument === undefined) return ''
  if (argument instanceof Struct) return argument.describe()
  return argument instanceof Uint8Array ? `${argument.byteLength} bytes` : argument.toString()
}
