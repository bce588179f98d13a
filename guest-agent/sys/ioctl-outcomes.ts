import { Errno } from './errno.ts'

/** What was asked of the kernel by ioctl and what came of it, for the table of what was exercised. */
const outcomes = new Map<string, Set<string>>()

/** Makes the call and notes what came of it: `ok`, or the errno that it was refused with. */
export const noting = <T>(ioctl: string, call: () => T): T => {
  try {
    const result = call()
    note(ioctl, 'ok')
    return result
  } catch (error) {
    if (error instanceof Errno) note(ioctl, error.code)
    throw error
  }
}

const note = (ioctl: string, outcome: string): void => {
  const known = outcomes.get(ioctl)
  if (known === undefined) outcomes.set(ioctl, new Set([outcome]))
  else known.add(outcome)
}

/** What was noted since the last call: ioctl -> `ok` and errnos. */
export const takeOutcomes = (): Readonly<Record<string, readonly string[]>> => {
  const taken = Object.fromEntries([...outcomes].map(([ioctl, of]) => [ioctl, [...of]]))
  outcomes.clear()
  return taken
}
