import { cleanConsoleLine } from './console-line.ts'
import { taintLetters, taintName } from './taint.ts'
import type { AgentEvent, Measures } from '../../guest-agent/protocol.ts'
import type { ConsoleReading } from './read-console.ts'
import type { Outcome } from './results.ts'
import type { GuestLife } from './transcript.ts'

/** What one guest shows of one case. */
export interface AttemptReport {
  readonly outcome: Outcome
  readonly alone: boolean
  readonly durationMs: number
  readonly because?: string
  readonly message?: string
  readonly measures?: Measures
  /** The console while it ran. */
  readonly console: readonly string[]
}

type CaseEnd = Extract<AgentEvent, { event: 'case-end' }>

const MOST_CONSOLE_LINES = 40

/** What a guest shows of a case that it was asked to run; undefined when it never came to it. */
export const judgeAttempt = (id: string, life: GuestLife, reading: ConsoleReading): AttemptReport | undefined => {
  const end = life.events.find((event): event is CaseEnd => event.event === 'case-end' && event.id === id)
  const began = end !== undefined || reading.started.has(id) || life.events.some((event) => event.event === 'case-start' && event.id === id)
  if (!began) return undefined
  const seen = {
    alone: life.alone,
    durationMs: end?.durationMs ?? 0,
    ...(end?.message === undefined ? {} : { message: end.message }),
    ...(end?.measures === undefined ? {} : { measures: end.measures }),
    console: consoleOf(id, life.console, reading),
  }
  const complaint = complaintAt(id, reading) ?? undeclaredTaint(end, reading)
  if (complaint !== undefined) return { ...seen, outcome: 'crash', because: complaint }
  if (end === undefined) return { ...seen, ...unreported(id, life, reading) }
  return { ...seen, outcome: end.outcome, ...(end.outcome === 'skip' ? { because: 'it skipped although it was planned' } : {}) }
}

const MOST_TITLES = 4

/** The titles of its splats, each once: what is known of a kernel is held against all of them. */
const complaintAt = (id: string, reading: ConsoleReading): string | undefined => {
  const titles = [...new Set(reading.splats.filter(({ atCase }) => atCase === id).map(({ title }) => title))]
  if (titles.length === 0) return undefined
  const more = titles.length - MOST_TITLES
  return [...titles.slice(0, MOST_TITLES), ...(more > 0 ? [`and ${more} more`] : [])].join(', ')
}

const undeclaredTaint = (end: CaseEnd | undefined, reading: ConsoleReading): string | undefined => {
  const declared = end === undefined ? undefined : reading.provokedTaints.get(end.id)
  const letters = taintLetters(end?.newTaint ?? 0).filter((letter) => declared?.has(letter) !== true)
  return letters.length === 0 ? undefined : `new kernel taint ${letters.map((letter) => `${letter} (${taintName(letter)})`).join(', ')}`
}

/** A case that began and of whose end the agent said nothing. */
const unreported = (id: string, life: GuestLife, reading: ConsoleReading): { readonly outcome: Outcome; readonly because: string; readonly durationMs?: number } => {
  const { end } = life
  if (reading.ended.has(id)) return { outcome: 'not-run', because: 'it ended, but its report was lost with the guest' }
  switch (end.how) {
    case 'panic': return { outcome: 'crash', because: end.because }
    case 'agent-died': return { outcome: 'crash', because: end.because }
    case 'case-timeout':
      return end.caseId === id
        ? { outcome: 'timeout', because: `no answer within ${Math.round(end.limitMs / 1000)} s`, durationMs: end.limitMs }
        : { outcome: 'not-run', because: `its report did not come before ${end.caseId} hung` }
    case 'boot-failed': return { outcome: 'not-run', because: end.because }
    case 'lab-error': return { outcome: 'not-run', because: end.because }
    case 'interrupted': return { outcome: 'not-run', because: 'interrupted' }
    case 'done': return { outcome: 'not-run', because: 'the agent ended without reporting it' }
  }
}

const consoleOf = (id: string, console: readonly string[], reading: ConsoleReading): readonly string[] => {
  const from = reading.started.get(id)
  if (from === undefined) return []
  const to = reading.ended.get(id)
  const between = console.slice(from, to === undefined || to < from ? undefined : to + 1)
  return between.slice(-MOST_CONSOLE_LINES).map(cleanConsoleLine)
}
