import { Fd } from '../sys/fd.ts'
import { FailNth } from '../sys/fail-nth.ts'
import type { CaseContext } from './case-context.ts'
import { equal, Failed, ok } from './expect.ts'
import { leftovers, takeInventory } from './leftovers.ts'

/** What a kernel must have so that its allocations can be made to fail. */
export const FAILING_ALLOCATIONS = ['FAILSLAB', 'FAIL_PAGE_ALLOC', 'FAULT_INJECTION_DEBUG_FS'] as const

export interface ShortOfMemory<T> {
  /** Makes one call to the kernel. */
  readonly call: () => T
  /** Takes its success back, so that the next call finds what the first one found. */
  readonly undo: (result: T) => void
  /** What the call may be refused with: ENOMEM unless said. */
  readonly refusals?: readonly string[]
  /** What a refused call must leave as it was, by value. */
  readonly state?: () => unknown
}

/** No call here makes as many allocations. */
const MOST = 500

/**
 * Makes a call again and again, and lets its first allocation fail, then its second, until one succeeds in which nothing was left to fail.
 * A call that is refused for it leaves nothing behind, changes nothing, and succeeds when it is made again.
 */
export const eachAllocationFails = <T>(lab: CaseContext, short: ShortOfMemory<T>): void => {
  ok(eachAllocationMayFail(lab, short) > 0, 'no allocation was ever refused: nothing was tested')
}

/** The same for what wants memory behind one IOMMU and none behind another. Gives how many allocations were refused. */
export const eachAllocationMayFail = <T>(lab: CaseContext, short: ShortOfMemory<T>): number => {
  const { refused, survived } = failEach({ refusals: ['ENOMEM'], ...short })
  addTo(lab, 'refusedCalls', refused)
  addTo(lab, 'survivedCalls', survived)
  return refused + survived
}

/** The same for what must succeed whatever is refused to it. It may well make no allocation at all, which is the surest way. */
export const neverFails = <T>(lab: CaseContext, short: Pick<ShortOfMemory<T>, 'call' | 'undo'>): void => {
  addTo(lab, 'survivedCalls', failEach({ ...short, refusals: [] }).survived)
}

const failEach = <T>({ call, undo, refusals, state = () => undefined }: ShortOfMemory<T> & { readonly refusals: readonly string[] }): { readonly refused: number; readonly survived: number } => {
  using failNth = FailNth.open()
  showsThatItWorks(failNth)
  let [refused, survived] = [0, 0]
  // What the kernel keeps from a first time is no leftover.
  undo(call())
  for (let nth = 1; nth <= MOST; nth += 1) {
    const [inventory, stateBefore] = [takeInventory([], { alone: true }), state()]
    const attempt = failNth.attempt(nth, call)
    if ('result' in attempt) {
      undo(attempt.result)
      if (!attempt.refusedMemory) return { refused, survived }
      survived += 1
      continue
    }
    const { refusedMemory, errno } = attempt
    if (!refusedMemory) throw errno
    const which = `${errno.call}, its allocation ${nth} refused`
    ok(refusals.includes(errno.code), `${which}: ${refusals.length === 0 ? 'success' : refusals.join(' or ')} expected, got ${errno.code}`)
    equal(leftovers(inventory, takeInventory([], { alone: true })).join('; '), '', `left behind by ${which}`)
    equal(state(), stateBefore, `state after ${which}`)
    refused += 1
    undo(call())
  }
  throw new Failed(`after ${MOST} refused allocations the call still makes more`)
}

/** A call whose first allocation is refused cannot succeed: a path has to be copied from user space before anything else. */
const showsThatItWorks = (failNth: FailNth): void => {
  const attempt = failNth.attempt(1, () => Fd.open('/proc/self/status', 0))
  if ('result' in attempt) attempt.result.close()
  ok('errno' in attempt && attempt.refusedMemory && attempt.errno.code === 'ENOMEM', 'open(/proc/self/status) succeeded although its first allocation was to fail')
}

const addTo = (lab: CaseContext, measure: string, count: number): void => {
  lab.measure(measure, (lab.measures.get(measure) ?? 0) + count)
}
