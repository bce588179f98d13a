import { readText } from './text-file.ts'

const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readText('/proc/self/status') ?? '')?.[1] ?? 0)

/** Memory of this process that is pinned for devices, kB (VmPin of /proc/self/status). */
export const pinnedKb = (): number => field('VmPin')

/** Memory of this process that counts against RLIMIT_MEMLOCK by its own mm, kB (VmLck of /proc/self/status). */
export const lockedKb = (): number => field('VmLck')
