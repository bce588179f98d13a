import { constants } from 'node:os'
import type { Exit } from '../host/spawn.ts'

/** The status by which a shell tells of a signal, named as `SIGKILL`; of one that nobody knows, the last status there is. */
export const signalStatus = (name: unknown): number => {
  const number = Object.entries(constants.signals).find(([each]) => each === name)?.[1]
  return number === undefined ? 255 : 128 + number
}

/** An exit status in words. A shell, and bubblewrap, tell a signal as 128 and its number (POSIX XCU 2.8.2). */
export const statusText = (status: number): string => {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0]
  return signal ?? `exit status ${status}`
}

/** How a process ended, in words. */
export const exitText = ({ code, signal }: Exit): string => signal ?? (code === null ? 'no status' : statusText(code))
