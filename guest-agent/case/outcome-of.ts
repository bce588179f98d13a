import { Errno } from '../sys/errno.ts'

/** `ok`, or the name of the errno that the kernel refused it with. What it opens is its own to close. */
export const outcomeOf = (run: () => unknown): string => {
  try {
    run()
    return 'ok'
  } catch (error) {
    if (error instanceof Errno) return error.code
    throw error
  }
}
