import { checked, libc } from './libc.ts'
import { PAGE_SIZE, type Mapping } from './memory.ts'
import { Fd } from './fd.ts'

const O_RDONLY = 0
const PRESENT = 1n << 63n
const FRAME = (1n << 55n) - 1n

/**
 * The physical address of the page at `offset` of a mapping, which is locked so that it stays there.
 * Documentation/admin-guide/mm/pagemap.rst; needs CAP_SYS_ADMIN and CONFIG_PROC_PAGE_MONITOR.
 */
export const physicalAddress = (memory: Mapping, offset = 0): bigint => {
  checked('mlock()', (c) => c.mlock(memory.address, memory.length))
  using pagemap = Fd.open('/proc/self/pagemap', O_RDONLY)
  const entry = new Uint8Array(new ArrayBuffer(8))
  const page = (memory.address + BigInt(offset)) / BigInt(PAGE_SIZE)
  checked('pread(/proc/self/pagemap)', () => libc().pread(pagemap.number, entry, 8, page * 8n))
  const value = new DataView(entry.buffer).getBigUint64(0, true)
  if ((value & PRESENT) === 0n || (value & FRAME) === 0n) throw new Error('pagemap tells no physical address of this page')
  return (value & FRAME) * BigInt(PAGE_SIZE) + BigInt(offset % PAGE_SIZE)
}
