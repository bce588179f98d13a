import { DEBUGFS, mountDebugfs } from './debugfs.ts'
import { readText, writeText } from './text-file.ts'

/** Younger objects are not told (mm/kmemleak.c, MSECS_MIN_AGE), milliseconds. */
export const KMEMLEAK_MIN_AGE_MS = 5000

/** An object of the kernel that nothing in the kernel points to. */
export interface LeakedObject {
  readonly bytes: number
  /** The process for which it was allocated. */
  readonly process: string
  /** When that was, milliseconds after the boot. */
  readonly atMs: number
  /** Functions, the innermost first. */
  readonly trace: readonly string[]
}

/**
 * Looks through all memory of the kernel for objects that nobody can reach any more. What changed since the last look is believed to be in use, so it looks twice.
 * Throws Errno when kmemleak has given up.
 */
export const leakedObjects = (hz: number): readonly LeakedObject[] => {
  mountDebugfs()
  for (let scan = 0; scan < 2; scan += 1) writeText(`${DEBUGFS}/kmemleak`, 'scan')
  return parseLeakedObjects(readText(`${DEBUGFS}/kmemleak`) ?? '', hz)
}

/** The count of jiffies begins so long before its lower half is full, seconds (linux/jiffies.h, INITIAL_JIFFIES). */
const BEFORE_WRAP_S = 300
const HALF = 2 ** 32

/** What /sys/kernel/debug/kmemleak says. `hz` is CONFIG_HZ. */
export const parseLeakedObjects = (text: string, hz: number): readonly LeakedObject[] =>
  text.split(/^(?=unreferenced object)/m).filter((part) => part.startsWith('unreferenced object')).map((part) => {
    const [, bytes, process, jiffies] = /^unreferenced object.*\(size (\d+)\):\n {2}comm "(.*)", pid \d+, jiffies (\d+)/.exec(part) ?? []
    if (bytes === undefined || process === undefined || jiffies === undefined) throw new Error(`kmemleak says ${JSON.stringify(part.slice(0, 200))}`)
    return {
      bytes: Number(bytes),
      process,
      atMs: Math.round(((Number(jiffies) - HALF) / hz + BEFORE_WRAP_S) * 1000),
      trace: [...part.matchAll(/^ {4}(?:\[<[0-9a-f]+>\] )?([\w.$]+)\+0x[0-9a-f]+\/0x[0-9a-f]+/gm)].map(([, name = '']) => name),
    }
  })
