import type { CaseContext } from '../case/case-context.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import type { Fd } from '../sys/fd.ts'
import { ioctl, ioctlByNumber } from '../sys/ioctl.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'
import type { Fields, Struct } from '../uapi/struct.ts'

/** An ioctl that takes a struct which says its own length. */
export interface StructRule {
  readonly name: IoctlName
  /** The length of its first version, bytes: less is refused, and the kernel reads no more when no more is said to be there. */
  readonly shortest: number
  /** Something harmless to ask; what comes of it does not matter, only that it stays the same. */
  readonly make: () => Struct<Fields>
}

/** Every such struct begins with its length, a u32. */
export const withLength = (bytes: Uint8Array, length: number): Uint8Array => {
  const copy = bytes.slice()
  new DataView(copy.buffer).setUint32(0, length, true)
  return copy
}

/** A struct that says to be shorter than its first version. */
export const tooShort = (fd: Fd, { name, shortest, make }: StructRule): void => {
  for (const length of [0, 4, shortest - 1]) expectErrno('EINVAL', () => ioctl(fd, name, withLength(make().bytes, length)))
}

/** Every length from the first version to the whole struct, with zeroes behind it, asks for the same. */
export const olderVersions = (fd: Fd, { name, shortest, make }: StructRule): void => {
  const { bytes } = make()
  const whole = outcomeOf(() => ioctl(fd, name, bytes.slice()))
  const known = bytes.findLastIndex((byte) => byte !== 0) + 1
  for (let length = Math.max(shortest, known); length < bytes.byteLength; length += 1) {
    equal(outcomeOf(() => ioctl(fd, name, withLength(bytes, length))), whole, `${name} with ${length} of ${bytes.byteLength} bytes`)
  }
}

/** A struct may end where memory ends; one byte further is a fault, and so is no memory at all. */
export const atEndOfMemory = (lab: CaseContext, fd: Fd, { name, shortest, make }: StructRule): void => {
  const { bytes } = make()
  const whole = outcomeOf(() => ioctl(fd, name, bytes.slice()))
  const edge = lab.use(Memory.lastPage())
  const at = (of: Uint8Array, end: number): bigint => {
    const inside = of.subarray(0, PAGE_SIZE - end + of.byteLength)
    new Uint8Array(edge.buffer).set(inside, end - of.byteLength)
    return edge.address + BigInt(end - of.byteLength)
  }
  const ask = (address: bigint) => ioctlByNumber(fd, IOCTLS[name], address, name)
  equal(outcomeOf(() => ask(at(bytes, PAGE_SIZE))), whole, `${name} at the end of memory`)
  const first = withLength(bytes, shortest).subarray(0, shortest)
  if (bytes.subarray(shortest).every((byte) => byte === 0)) {
    equal(outcomeOf(() => ask(at(first, PAGE_SIZE))), whole, `${name}, its first version at the end of memory`)
  }
  expectErrno('EFAULT', () => ask(at(first, PAGE_SIZE + 1)))
  expectErrno('EFAULT', () => ask(edge.address + BigInt(PAGE_SIZE)))
  expectErrno('EFAULT', () => ask(0n))
}
