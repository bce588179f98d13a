import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import process from 'node:process'
import type { AgentEvent, CaseEndOutcome, CellFacts } from '../protocol.ts'
import { consoleMark } from '../protocol.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { CaseContext, type EarlierCase, Skipped } from './case-context.ts'
import type { Case } from './define-case.ts'
import { takeOutcomes } from '../sys/ioctl-outcomes.ts'
import { clearLeftovers, leftovers, takeInventory, type Inventory } from './leftovers.ts'
import { tainted } from './kernel-log.ts'
import { placeInSuite } from './place-in-suite.ts'
import { strayErrors } from './stray-errors.ts'

type Emit = (event: AgentEvent) => void

export interface Circumstances {
  readonly facts: CellFacts
  readonly devices: readonly PciDevice[]
  readonly timeoutScale: number
  /** Nobody else is at work on this system: what is left behind can be seen in its counters. */
  readonly alone?: boolean
  /** Puts a line on the console. */
  readonly mark: (line: string) => void
}

interface Ending {
  readonly outcome: CaseEndOutcome
  readonly message?: string
}

const PASSED: Ending = { outcome: 'pass' }

/** After its signal was aborted a case has this long to come back, milliseconds. */
const GRACE_MS = 500
const SETTLE_MS = 50

/** Runs the cases one after the other; every case begins and ends with an event and a mark on the console. */
export const runCases = async (cases: readonly Case[], circumstances: Circumstances, emit: Emit): Promise<number> => {
  using stray = strayErrors()
  let before = takeInventory(circumstances.devices, circumstances)
  let taintBefore = tainted()
  const earlier: EarlierCase[] = []
  for (const each of cases) {
    const { id } = each.info
    circumstances.mark(consoleMark('start', id))
    emit({ event: 'case-start', id })
    takeOutcomes()
    const [started, fromMs] = [performance.now(), sinceBoot()]
    const context = newContext(each, circumstances, earlier, emit)
    const ending = await runCase(each, context)
    const after = await settledInventory(before, circumstances)
    const left = [...leftovers(before, after), ...stray.take()]
    before = left.length === 0 ? after : await cleared(before, circumstances)
    const taint = tainted()
    const newTaint = taint & ~taintBefore
    taintBefore = taint
    earlier.push({ id, fromMs, toMs: sinceBoot() })
    circumstances.mark(consoleMark('end', id))
    emit({
      event: 'case-end',
      id,
      durationMs: Math.round((performance.now() - started) * 10) / 10,
      ...(ending.outcome === 'pass' ? accounted(left) : ending),
      ...(newTaint === 0 ? {} : { newTaint }),
      ...ioctls(),
      ...(context.lab.programEnd === undefined ? {} : { program: context.lab.programEnd }),
      ...(context.lab.measures.size === 0 ? {} : { measures: Object.fromEntries(context.lab.measures) }),
    })
  }
  return cases.length
}

/** What the kernel takes down on a worker of its own may be a moment late. */
const settledInventory = async (before: Inventory, circumstances: Circumstances): Promise<Inventory> => {
  const now = takeInventory(circumstances.devices, circumstances)
  if (leftovers(before, now).length === 0) return now
  await sleep(SETTLE_MS)
  return takeInventory(circumstances.devices, circumstances)
}

/** Milliseconds, as the kernel's clock counts them. */
const sinceBoot = (): number => Number(process.hrtime.bigint() / 1_000_000n)

const ioctls = (): Pick<Extract<AgentEvent, { event: 'case-end' }>, 'ioctls'> => {
  const outcomes = takeOutcomes()
  return Object.keys(outcomes).length === 0 ? {} : { ioctls: outcomes }
}

interface Context {
  readonly lab: CaseContext
  readonly timer: AbortController
  readonly limitMs: number
}

const newContext = (each: Case, { facts, devices, timeoutScale }: Circumstances, earlier: readonly EarlierCase[], emit: Emit): Context => {
  const timer = new AbortController()
  return {
    timer,
    limitMs: each.info.timeoutMs * timeoutScale,
    lab: new CaseContext({
      facts, devices, earlier, signal: timer.signal,
      note: (text) => { emit({ event: 'note', text: `${each.info.id}: ${text}` }) },
      ask: (event, later) => { emit({ event, later }) },
      output: (stream, text) => { emit({ event: 'output', stream, text }) },
    }),
  }
}

const runCase = async (each: Case, { lab, timer, limitMs }: Context): Promise<Ending> => {
  const ending = await withinLimit(each, lab, timer, limitMs)
  const down = await takenDown(lab)
  // One turn of the event loop: a promise that was rejected last is told only then.
  await setImmediate()
  return ending.outcome === 'pass' ? down : ending
}

const cleared = async (before: Inventory, circumstances: Circumstances): Promise<Inventory> => {
  await clearLeftovers(before)
  return takeInventory(circumstances.devices, circumstances)
}

/** The case against its limit. One that does not come back in time is left behind, with all that it holds taken down. */
const withinLimit = async (each: Case, lab: CaseContext, timer: AbortController, limitMs: number): Promise<Ending> => {
  const overdue = Promise.withResolvers<Ending>()
  const timedOut: Ending = { outcome: 'timeout', message: `did not end within ${Math.round(limitMs)} ms` }
  let timer2: NodeJS.Timeout | undefined
  const timer1 = setTimeout(() => {
    timer.abort(new Error('the time of the case is over'))
    timer2 = setTimeout(() => { overdue.resolve(timedOut) }, GRACE_MS)
  }, limitMs)
  const started = performance.now()
  const own = (async () => {
    try {
      await each.run(lab)
      // A case that never gave way to the timer can be late all the same.
      return performance.now() - started > limitMs ? timedOut : PASSED
    } catch (error) {
      return endingOf(error)
    }
  })()
  const ending = await Promise.race([own, overdue.promise])
  clearTimeout(timer1)
  clearTimeout(timer2)
  return timer.signal.aborted ? timedOut : ending
}

const takenDown = async (lab: CaseContext): Promise<Ending> => {
  try {
    await lab.end()
    return PASSED
  } catch (error) {
    return { outcome: 'fail', message: `while it was taken down: ${explain(error)}` }
  }
}

const accounted = (left: readonly string[]): Ending =>
  left.length === 0 ? PASSED : { outcome: 'fail', message: `it left behind: ${left.join('; ')}` }

const endingOf = (error: unknown): Ending =>
  error instanceof Skipped ? { outcome: 'skip', message: error.message } : { outcome: 'fail', message: explain(error) }

/** The message, and where in the suites it came from. */
const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SuppressedError) return `${explain(error.error)}; and before that: ${explain(error.suppressed)}`
  const message = error.name === 'Failed' || error.name === 'Errno' ? error.message : `${error.name}: ${error.message}`
  const where = placeInSuite(error)
  return where === undefined ? message : `${message} (${where})`
}
