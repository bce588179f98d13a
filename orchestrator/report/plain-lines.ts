import { cleanLine } from '../host/clean-text.ts'
import type { LabEvent } from '../run/lab-event.ts'
import { cellEndLines } from './cell-summary.ts'
import { duration } from './durations.ts'
import type { Paint } from './paint.ts'

/** In a log, what only counts up is told this often: a cell takes seconds, a build minutes. */
const CASES_EVERY_MS = 10_000
const OBJECTS_EVERY_MS = 30_000

/** Text for a pipe or a CI log: a line an event, with the time; counters in steps, because a log keeps every line. */
export const plainLines = (paint: Paint) => {
  const lastCount = new Map<string, number>()
  const done = new Map<string, number>()
  const planned = new Map<string, number>()

  const now: IsTime = (counter, atMs, everyMs) => {
    const last = lastCount.get(counter)
    if (last === undefined) lastCount.set(counter, atMs)
    if (last === undefined || atMs - last < everyMs) return false
    lastCount.set(counter, atMs)
    return true
  }

  const lines = (event: LabEvent): readonly string[] => {
    switch (event.event) {
      case 'run-start': return [`run ${event.id}`]
      case 'notice': return [event.text]
      case 'kernel-progress': return kernelLines(event, now)
      case 'plan':
        for (const cell of event.cells) planned.set(cell.id, cell.planned)
        return [`${event.cells.length} cells, ${event.planned} cases planned, cells excluded: ${event.excluded.length}`]
      case 'boot': return [`${event.cell}: booting${event.attempt > 1 ? ` again (${event.attempt})` : ''}`]
      case 'agent-ready': return [`${event.cell}: the agent answers after ${duration(event.afterMs)}`]
      case 'case-end': {
        const count = (done.get(event.cell) ?? 0) + 1
        done.set(event.cell, count)
        if (event.outcome !== 'pass') return [`${event.cell}: ${event.id}: ${event.outcome}${event.message === undefined ? '' : `: ${event.message.split('\n')[0] ?? ''}`}`]
        return now(event.cell, event.atMs, CASES_EVERY_MS) ? [`${event.cell}: ${count} of ${planned.get(event.cell) ?? '?'} cases`] : []
      }
      case 'splat': return [`${event.cell}: ${event.splat.title}${event.splat.atCase === null ? '' : ` while ${event.splat.atCase} ran`}`]
      case 'cell-start':
      case 'case-start':
      case 'cell-end':
      case 'run-end': return []
    }
  }

  return (event: LabEvent): readonly string[] => {
    const time = paint('quiet', `[${(event.atMs / 1000).toFixed(1).padStart(7)}]`)
    const text = event.event === 'cell-end' ? cellEndLines(event.result, paint) : lines(event).map((line) => cleanLine(line, 400))
    return text.map((line) => `${time} ${line}`)
  }
}

/** Whether a counter is due again. */
type IsTime = (counter: string, atMs: number, everyMs: number) => boolean

const kernelLines = (
  { kernel, progress, atMs }: LabEvent & { event: 'kernel-progress' },
  now: IsTime,
): readonly string[] => {
  switch (progress.phase) {
    case 'source': return [`${kernel}: ${progress.text}`]
    case 'configure': return [`${kernel}/${progress.config}: configuring`]
    case 'compile': return now(`build ${kernel}/${progress.config}`, atMs, OBJECTS_EVERY_MS) ? [`${kernel}/${progress.config}: ${progress.objects} objects built`] : []
    case 'stored': return [`${kernel}/${progress.config}: ${progress.fromStore ? 'kernel from the store' : `built in ${duration(progress.buildMs)}`}`]
    case 'failed': return [`${kernel}/${progress.config}: not built: ${progress.because}`]
  }
}
