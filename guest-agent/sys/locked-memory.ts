import { readText } from './text-file.ts'

const field = (name: string, process: number | 'self' = 'self'): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readText(`/proc/${process}/status`) ?? '')?.[1] ?? 0)

/** Memory of this or another process that is pinned for devices, kB (VmPin of /proc/PID/status). */
export const pinnedKb = (pid?: number): number => field('VmPin', pid)

/** Memory of this process that counts against RLIMIT_MEMLOCK by its own mm, kB (VmLck of /proc/self/status). */
export const lockedKb = (): number => field('VmLck')
