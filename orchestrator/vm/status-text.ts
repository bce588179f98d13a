import { constants } from 'node:os'

/** An exit status in words. A shell, and bubblewrap, tell a signal as 128 and its number (POSIX XCU 2.8.2). */
export const statusText = (status: number): string => {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0]
  return signal ?? `exit status ${status}`
}
