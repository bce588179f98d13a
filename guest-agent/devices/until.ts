import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'

/** Emulated devices answer within milliseconds, on a busy host within a few of them. */
const LIMIT_MS = 5000

/** Asks until there is an answer. Throws Failed when a device does not do `what` in time. */
export const until = async <T>(lab: CaseContext, what: string, answer: () => T | undefined, limitMs = LIMIT_MS): Promise<T> => {
  const deadline = performance.now() + limitMs
  for (;;) {
    const got = answer()
    if (got !== undefined) return got
    if (performance.now() > deadline) throw new Failed(`${what}: not within ${limitMs} ms`)
    await setTimeout(1, undefined, { signal: lab.signal })
  }
}
