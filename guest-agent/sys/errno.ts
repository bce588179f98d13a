import os from 'node:os'

/** Names that share a number with another one; the kernel's sources use these. */
const PREFERRED: Readonly<Record<number, string>> = { 11: 'EAGAIN', 35: 'EDEADLK', 95: 'EOPNOTSUPP', 524: 'ENOTSUPP' }

const NAMES = new Map(Object.entries(os.constants.errno).map(([name, number]) => [number, name]))
for (const [number, name] of Object.entries(PREFERRED)) NAMES.set(Number(number), name)
NAMES.set(77, 'EBADFD').set(87, 'EUSERS')

/** `EBUSY` for 16; `errno 4711` for a number that Linux does not name. */
const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`

/**
 * A call to the kernel that failed.
 * `code` is the kernel's name of the error, `call` the call with its arguments: `IOMMU_IOAS_MAP(ioas_id 1, length 0)`.
 */
export class Errno extends Error {
  override readonly name = 'Errno'
  readonly code: string
  readonly errno: number
  readonly call: string

  constructor(errno: number, call: string) {
    const code = errnoName(errno)
    super(`${call}: ${code}`)
    this.code = code
    this.errno = errno
    this.call = call
  }
}
