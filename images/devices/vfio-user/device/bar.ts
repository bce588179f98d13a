import type { BarKind } from '../pci/header.ts'
import type { BarMemory } from './bar-memory.ts'
import type { Register } from './register.ts'

/** Part of a BAR, in bytes. */
export interface Area {
  readonly offset: number
  readonly size: number
}

export interface Bar {
  /** Which of the six. Default: the first one that is free. A BAR of 64 bits takes the next one too. */
  readonly index?: number
  /** Bytes: a power of two, 16 or more (4 or more of I/O). */
  readonly size: number
  /** Default: memory, with an address of 32 bits. */
  readonly kind?: BarKind
  readonly prefetchable?: boolean
  readonly registers?: readonly Register[]
  readonly memory?: BarMemory
  /** What of its memory the client may map: all of it, or areas of whole pages; the rest is accessed one by one. Needs sharedMemory(). */
  readonly mmap?: 'all' | readonly Area[]
}

export interface PlacedBar extends Bar {
  readonly index: number
  readonly kind: BarKind
  readonly prefetchable: boolean
}

const BARS = 6
const PAGE = 4096

/** Gives every BAR its index. Throws RangeError for BARs that PCI, or QEMU, cannot have. */
export const placeBars = (bars: readonly Bar[]): readonly PlacedBar[] => {
  const taken = new Set<number>()
  return bars.map((bar) => {
    const kind = bar.kind ?? 'memory'
    const wanted = kind === 'memory64' ? 2 : 1
    const slots = (index: number) => Array.from({ length: wanted }, (_, slot) => index + slot)
    const fits = (index: number) => index + wanted <= BARS && slots(index).every((slot) => !taken.has(slot))
    const index = bar.index ?? Array.from({ length: BARS }, (_, slot) => slot).find(fits)
    if (index === undefined || !fits(index)) throw new RangeError(`BAR ${bar.index ?? ''}: there is no room for it`)
    for (const slot of slots(index)) taken.add(slot)
    checkBar(bar, `BAR ${index}`)
    return { ...bar, index, kind, prefetchable: bar.prefetchable ?? false }
  })
}

const checkBar = ({ size, kind = 'memory', registers = [], memory, mmap }: Bar, what: string): void => {
  const least = kind === 'io' ? 4 : 16
  const most = { io: 2 ** 16, memory: 2 ** 31, memory64: 2 ** 62 }[kind]
  if (!Number.isInteger(Math.log2(size)) || size < least || size > most) throw new RangeError(`${what}: a size of ${size}; it must be a power of two from ${least} to ${most}`)
  const sorted = registers.toSorted((a, b) => a.offset - b.offset)
  for (const [at, { offset, width }] of sorted.entries()) {
    if (offset + width > size) throw new RangeError(`${what}: the register at 0x${offset.toString(16)} lies outside of it`)
    if (offset + width > (sorted[at + 1]?.offset ?? Infinity)) throw new RangeError(`${what}: two registers lie at 0x${offset.toString(16)}`)
  }
  if (mmap === undefined) return
  if (memory?.fd === undefined) throw new RangeError(`${what}: only sharedMemory() can be mapped`)
  if (mmap === 'all') return
  for (const area of mmap) {
    const whole = area.offset % PAGE === 0 && area.size % PAGE === 0 && area.size > 0
    if (!whole || area.offset + area.size > size) throw new RangeError(`${what}: an area at 0x${area.offset.toString(16)} that is not made of its pages`)
  }
}
