import { countText } from '../host/count-text.ts'
import { cleanConsoleLine } from './console-line.ts'
import { bootFailure } from './boot-failure.ts'
import { declaredLines, preparationLines, preparationTaints } from './declared-lines.ts'
import { judgeAttempt } from './judge-attempt.ts'
import { brokenCase, judgeCase, kconfigCase } from './judge-case.ts'
import type { KconfigAnswers } from './judge-kconfig.ts'
import { joinedOutcomes } from './joined-outcomes.ts'
import { labProblem } from './lab-problem.ts'
import { readConsole, type ConsoleReading } from './read-console.ts'
import type { BuildWarning } from '../kernel/build-warnings.ts'
import type { UapiCheck } from '../kernel/uapi-check.ts'
import type { CellPlan } from '../plan/plan.ts'
import { wantsGuest } from '../plan/wants-guests.ts'
import type { CaseResult, CellResult, CellStatus } from './results.ts'
import type { GuestLife } from './transcript.ts'

export interface CellMeta {
  /** QEMU's version, as it says itself. */
  readonly qemu: string
  /** Of its kernel's headers; undefined: there is no such kernel. */
  readonly uapi?: UapiCheck | undefined
  /** Of those cases that are put to its tree. */
  readonly kconfig?: KconfigAnswers
}

const TAIL_LINES = 40
/** Of the uapi headers, told of one cell. */
const MOST_DIFFERENCES = 3

interface JudgedLife {
  readonly life: GuestLife
  readonly reading: ConsoleReading
}

interface Verdict {
  readonly status: CellStatus
  readonly because?: string
}

/**
 * A cell's verdict: what its guests did, held against the plan.
 * @param lives every guest of the cell in order; none when the kernel was not built or the run was interrupted before
 */
export const judgeCell = (plan: CellPlan, lives: readonly GuestLife[], meta: CellMeta): CellResult => {
  const declared = new Map(plan.cases.map((info) => [info.id, declaredLines(info, plan)]))
  const judged = lives.map((life): JudgedLife => ({
    life,
    reading: readConsole(life.console, life.asked.map((id) => declared.get(id) ?? { id, provokes: [] }), preparationLines(plan), preparationTaints(plan)),
  }))
  const cases = plan.cases.map((info) => {
    if (info.broken !== undefined) return brokenCase(info, info.broken)
    if (info.kconfig !== undefined) return kconfigCase(info, meta.kconfig)
    const asked = judged.filter(({ life }) => life.asked.includes(info.id))
    const attempts = asked.flatMap(({ life, reading }) => judgeAttempt(info.id, life, reading) ?? [])
    return judgeCase(info, attempts, whyNot(judged))
  })
  const verdict = judgeStatus(plan, judged, cases, meta)
  const tail = tailOf(plan, lives, verdict.status, cases)
  const { cell, kernel } = plan
  return {
    id: cell.id,
    kernel: { name: cell.kernel.name, release: kernel.release, patches: cell.kernel.patches.map(({ title }) => title) },
    config: cell.config.name,
    machine: cell.machine.name,
    ...verdict,
    timings: {
      buildMs: kernel.buildMs,
      bootMs: lives[0]?.bootMs ?? 0,
      agentReadyMs: lives[0]?.agentReadyMs ?? 0,
      casesMs: lives.reduce((sum, { casesMs }) => sum + casesMs, 0),
    },
    splats: judged.flatMap(({ reading }) => reading.splats),
    absent: plan.absent,
    qemu: meta.qemu,
    configLost: kernel.status === 'build-failed' ? kernel.lost : [],
    configNotAsked: kernel.notAsked,
    ...(kernel.status === 'configured' || kernel.warnings.length === 0 ? {} : { buildWarnings: kernel.warnings.map(warningText) }),
    ...(tail.length === 0 ? {} : { tail }),
    ...ioctlsOf(meta, lives),
    cases,
  }
}

/** Of all cases together, sorted; those that the kernel's headers define and nobody called have nothing. */
const ioctlsOf = ({ uapi }: CellMeta, lives: readonly GuestLife[]): Pick<CellResult, 'ioctls'> => {
  if (lives.length === 0) return {}
  const uncalled = Object.fromEntries(uapi?.ioctls.map((ioctl) => [ioctl, []]) ?? [])
  const called = lives.flatMap(({ events }) => events).flatMap((event) => (event.event === 'case-end' && event.ioctls !== undefined ? [event.ioctls] : []))
  return { ioctls: joinedOutcomes([uncalled, ...called]) }
}

const warningText = ({ file, line, text }: BuildWarning): string => `${file}${line === 0 ? '' : `:${line}`}: ${text}`

const judgeStatus = (plan: CellPlan, judged: readonly JudgedLife[], cases: readonly CaseResult[], { uapi, kconfig }: CellMeta): Verdict => {
  if (plan.kernel.status === 'build-failed') return { status: 'build-failed', because: plan.kernel.because }
  const unbooted = judged.flatMap(({ life, reading }) => (life.end.how === 'boot-failed' ? [bootFailure(reading, life.end.because)] : []))
  if (unbooted.length > 0 && unbooted.length === judged.length) return { status: 'boot-failed', because: unbooted[0] ?? '' }

  const problems = judged.flatMap(({ life, reading }) => labProblem(life, reading) ?? [])
  const interrupted = judged.some(({ life }) => life.end.how === 'interrupted') || (judged.length === 0 && plan.cases.some(wantsGuest))
  const labs = [...new Set([...problems, ...(kconfig?.because === undefined ? [] : [kconfig.because]), ...(interrupted && cases.some(isMissing) ? ['interrupted'] : [])])]
  const wrong = cases.filter((result) => result.unexpected && !(labs.length > 0 && isMissing(result)))
  const reasons = [
    ...(uapi?.differences ?? []).slice(0, MOST_DIFFERENCES).map((difference) => `its uapi headers break user space: ${difference}`),
    ...(wrong.length === 0 ? [] : [countText(wrong.length, 'unexpected verdict')]),
    ...unbooted.map((because) => `a guest did not boot: ${because}`),
    ...judged.flatMap(betweenCases),
  ]
  if (reasons.length > 0) return { status: 'failed', because: [...reasons, ...labs].join('; ') }
  return labs.length > 0 ? { status: 'lab-error', because: labs.join('; ') } : { status: 'ok' }
}

const isMissing = ({ outcome }: CaseResult): boolean => outcome === 'not-run'

/** What the kernel did while no case ran: it fails the cell, because no case can be blamed. */
const betweenCases = ({ life, reading }: JudgedLife): readonly string[] => {
  if (life.end.how === 'boot-failed') return []
  const titles = [...new Set(reading.splats.filter(({ atCase }) => atCase === null).map(({ title }) => title))]
  const died = (life.end.how === 'panic' || life.end.how === 'agent-died') && titles.length === 0 && !life.asked.some((id) => isRunning(id, life, reading))
    ? [life.end.because]
    : []
  return [...titles, ...died].slice(0, 3).map((what) => `${what}, while no case ran`)
}

const isRunning = (id: string, { events }: GuestLife, reading: ConsoleReading): boolean =>
  reading.running === id
  || (events.some((event) => event.event === 'case-start' && event.id === id) && !events.some((event) => event.event === 'case-end' && event.id === id))

/** Why a planned case got no attempt at all: how the last guest ended. */
const whyNot = (judged: readonly JudgedLife[]): string => {
  const last = judged.at(-1)
  if (last === undefined) return 'no guest was started'
  const { end } = last.life
  switch (end.how) {
    case 'boot-failed': return `the guest did not boot: ${bootFailure(last.reading, end.because)}`
    case 'panic':
    case 'agent-died':
    case 'lab-error': return `no guest came to it: ${end.because}`
    case 'case-timeout': return `no guest came to it: ${end.caseId} hung`
    case 'interrupted': return 'interrupted'
    case 'done': return 'planned, but the agent never reported it'
  }
}

/** The end of the console, for a cell that failed as a whole: an unexpected case shows its own lines. */
const tailOf = (plan: CellPlan, lives: readonly GuestLife[], status: CellStatus, cases: readonly CaseResult[]): readonly string[] => {
  if (status === 'ok' || (status === 'failed' && cases.some(({ unexpected }) => unexpected))) return []
  if (plan.kernel.status === 'build-failed') return plan.kernel.tail
  return (lives.at(-1)?.console ?? []).slice(-TAIL_LINES).map(cleanConsoleLine)
}
