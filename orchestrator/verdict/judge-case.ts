import type { PlannedCase } from '../plan/plan.ts'
import type { AttemptReport } from './judge-attempt.ts'
import type { KconfigAnswers } from './judge-kconfig.ts'
import type { CaseResult, Outcome } from './results.ts'

/** What is planned must pass. */
const EXPECTED: Outcome = 'pass'

/** From good to bad: attempts that disagree are told by the worst. */
const ORDER: readonly Outcome[] = ['pass', 'not-run', 'skip', 'fail', 'timeout', 'crash']

/**
 * A planned case held against what its guests showed.
 * @param attempts in the order in which they were made
 * @param whyNot what kept the cell from coming to it, when it did not
 */
export const judgeCase = (info: PlannedCase, attempts: readonly AttemptReport[], whyNot: string): CaseResult => {
  const ran = attempts.filter(({ outcome }) => outcome !== 'not-run')
  const told = ran.length > 0 ? ran : attempts
  const worst = told.toSorted((a, b) => ORDER.indexOf(b.outcome) - ORDER.indexOf(a.outcome))[0]
  const outcome = worst?.outcome ?? 'not-run'
  const disagree = new Set(told.map((attempt) => attempt.outcome)).size > 1
  const known = worst !== undefined && isKnown(worst, info.knownFailure) ? info.knownFailure : undefined
  const expected = known?.outcome ?? EXPECTED
  const unexpected = outcome !== expected || disagree
  const hint = known?.because ?? (outcome === 'pass' ? info.caveat : undefined)
  const because = disagree ? `attempts disagree: ${told.map(attemptText).join(', then ')}` : worst === undefined ? whyNot : knownText(worst.because, hint)
  return {
    id: info.id,
    suite: info.suite,
    outcome,
    expected,
    unexpected,
    ...(because === undefined ? {} : { because }),
    durationMs: worst?.durationMs ?? 0,
    ...(worst?.message === undefined ? {} : { message: worst.message }),
    ...(unexpected && worst !== undefined && worst.console.length > 0 ? { console: worst.console } : {}),
    attempts: attempts.map((attempt) => ({ outcome: attempt.outcome, alone: attempt.alone })),
    ...(worst?.measures === undefined ? {} : { measures: worst.measures }),
    ...(info.timed === undefined ? {} : { timed: info.timed }),
  }
}

const isKnown = ({ outcome, because = '', message = '' }: AttemptReport, known: PlannedCase['knownFailure']): boolean =>
  outcome === known?.outcome && known.looks.test(outcome === 'crash' ? because : message)

const knownText = (because: string | undefined, hint: string | undefined): string | undefined =>
  (because === undefined || hint === undefined ? because ?? hint : `${because}: ${hint}`)

const attemptText = ({ outcome, alone, because }: AttemptReport): string =>
  `${outcome}${alone ? ' alone' : ''}${because === undefined ? '' : ` (${because})`}`

/** One that could not even be tried: no guest was asked for it. */
export const brokenCase = ({ id, suite }: PlannedCase, { because, tail }: NonNullable<PlannedCase['broken']>): CaseResult =>
  ({ id, suite, outcome: 'fail', expected: EXPECTED, unexpected: true, because: 'it does not compile', durationMs: 0, message: [because, ...tail.slice(-MOST_TAIL)].join('\n'), attempts: [] })

/** One that was put to the tree instead of a guest. */
export const kconfigCase = (info: PlannedCase, answers: KconfigAnswers | undefined): CaseResult => {
  const verdict = answers?.verdicts.get(info.id)
  return judgeCase(info, verdict === undefined ? [] : [{ ...verdict, alone: true, console: [] }], answers?.because ?? 'it was not asked')
}

const MOST_TAIL = 10
