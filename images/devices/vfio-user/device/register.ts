import type { Bus } from './bus.ts'

/** A register of a BAR: what it reads as, and what a write to it does. `write` may go on for long (a DMA): nobody waits for it. */
export interface Register {
  readonly offset: number
  readonly width: 4 | 8
  readonly read: (bus: Bus) => bigint
  readonly write: ((value: bigint, bus: Bus) => void | Promise<void>) | undefined
}

interface Callbacks<T> {
  /** Missing: it reads as 0. */
  readonly read?: (bus: Bus) => T
  /** Missing: it cannot be written to. */
  readonly write?: (value: T, bus: Bus) => void | Promise<void>
}

/** 32 bits at an offset that is a multiple of 4. Little-endian, as all of PCI. */
export const register32 = (offset: number, { read, write }: Callbacks<number>): Register => ({
  offset: aligned(offset, 4),
  width: 4,
  read: (bus) => BigInt((read?.(bus) ?? 0) >>> 0),
  write: write === undefined ? undefined : (value, bus) => write(Number(value), bus),
})

/** 64 bits at an offset that is a multiple of 8. Who reaches one half only leaves the other one as it is. */
export const register64 = (offset: number, { read, write }: Callbacks<bigint>): Register => ({
  offset: aligned(offset, 8),
  width: 8,
  read: (bus) => BigInt.asUintN(64, read?.(bus) ?? 0n),
  write,
})

const aligned = (offset: number, width: number): number => {
  if (!Number.isInteger(offset) || offset < 0 || offset % width !== 0) throw new RangeError(`a register of ${width} bytes at 0x${offset.toString(16)}`)
  return offset
}
