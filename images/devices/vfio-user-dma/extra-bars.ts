import { LARGE_BAR, REGISTER, SMALL_BARS, SPARSE_AREAS, SPARSE_BAR, SPARSE_BAR_BYTES } from '../../../guest-agent/devices/vfio-user-dma-registers.ts'
import { type Bar, type BarMemory, privateMemory, register32, register64, type Register, sharedMemory, type SharedMemory } from '../vfio-user/device.ts'
import type { DmaOptions } from './options.ts'

interface ExtraBars {
  readonly bars: readonly Bar[]
  /** What BAR 0 tells about them. */
  readonly registers: readonly Register[]
  readonly reset: () => void
}

/** The BARs that a driver has no use for, but VFIO must get right. */
export const extraBars = async ({ large, sparse, small }: DmaOptions['bars']): Promise<ExtraBars> => {
  const last = { offset: 0n, value: 0n }
  let peekAt = 0n
  let trapped = 0
  const shared = sparse ? await sharedMemory(SPARSE_BAR_BYTES) : undefined
  const bars: Bar[] = []
  if (large.bytes > 0) {
    const memory = large.mmap ? await sharedMemory(large.bytes) : places((offset, value) => { Object.assign(last, { offset, value }) })
    bars.push({ index: LARGE_BAR, kind: 'memory64', prefetchable: true, size: large.bytes, memory, ...(large.mmap ? { mmap: 'all' } : {}) })
  }
  if (shared !== undefined) {
    bars.push({ index: SPARSE_BAR, size: SPARSE_BAR_BYTES, memory: counted(shared, () => { trapped += 1 }), mmap: SPARSE_AREAS })
  }
  if (small) bars.push(...SMALL_BARS.map((index, at) => ({ index, size: 256 << at, memory: privateMemory(new Uint8Array(256 << at)) })))
  const peek = (): number => {
    const word = Buffer.alloc(4)
    shared?.read(Number(peekAt % BigInt(SPARSE_BAR_BYTES - 3)), word)
    return word.readUInt32LE()
  }
  return {
    bars,
    registers: [
      register64(REGISTER.PEEK_OFFSET, { read: () => peekAt, write: (value) => { peekAt = value } }),
      register32(REGISTER.PEEK, { read: peek }),
      register32(REGISTER.TRAPPED, { read: () => trapped }),
      register64(REGISTER.LAST_OFFSET, { read: () => last.offset }),
      register64(REGISTER.LAST_VALUE, { read: () => last.value }),
    ],
    reset: () => {
      Object.assign(last, { offset: 0n, value: 0n })
      peekAt = 0n
      trapped = 0
    },
  }
}

/** No memory at all: each aligned 64-bit word reads as its own offset, so that whoever reads it knows where it was. */
const places = (onWrite: (offset: bigint, value: bigint) => void): BarMemory => ({
  read: (offset, into) => {
    for (const index of into.keys()) {
      const at = BigInt(offset + index)
      into[index] = Number(((at & ~7n) >> ((at & 7n) * 8n)) & 0xffn)
    }
  },
  write: (offset, bytes) => {
    const value = Buffer.alloc(8)
    value.set(bytes.subarray(0, 8))
    onWrite(BigInt(offset), value.readBigUInt64LE())
  },
})

const counted = ({ fd, read, write }: SharedMemory, count: () => void): BarMemory => ({
  fd,
  read: (offset, into) => {
    count()
    read(offset, into)
  },
  write: (offset, bytes) => {
    count()
    write(offset, bytes)
  },
})
