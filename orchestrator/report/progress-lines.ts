import { cleanLine } from '../host/clean-text.ts'
import { duration } from './durations.ts'
import type { Look, Paint } from './paint.ts'
import type { CellProgress, Progress } from './progress.ts'

/** The window of the live view: what is built, which guests live, how far it all is. No line is wider than the terminal. */
export const progressLines = (progress: Progress, nowMs: number, columns: number, paint: Paint): readonly string[] => {
  const cells = [...progress.cells.values()]
  const width = Math.max(0, ...cells.map(({ id }) => id.length))
  return [
    ...(progress.source === undefined ? [] : [[quiet('source  '), text(progress.source)]]),
    ...[...progress.builds].map(([name, { objects, sinceMs }]) => [quiet('build   '), text(name), text(`  ${objects} objects`), quiet(`  ${duration(nowMs - sinceMs)}`)]),
    ...cells.map((cell) => cellLine(cell, width, nowMs)),
    total(progress, nowMs),
  ].map((spans) => fit(spans, columns - 1, paint))
}

type Span = readonly [text: string, look?: Look]

const text = (words: string): Span => [words]
const quiet = (words: string): Span => [words, 'quiet']

const cellLine = (cell: CellProgress, width: number, nowMs: number): readonly Span[] => {
  const head: readonly Span[] = [quiet('guest   '), text(cell.id.padEnd(width + 2))]
  if (cell.phase === 'booting') {
    const again = cell.attempt > 1 ? ` again (${cell.attempt})` : ''
    return [...head, text(`booting${again}`), quiet(`  ${duration(nowMs - cell.sinceMs)}`)]
  }
  const bad: readonly Span[] = cell.notPassed === 0 ? [] : [[`  ${cell.notPassed} not passed`, 'bad']]
  return [...head, text(`${cell.done} of ${cell.planned}`), ...bad, quiet(`  ${cell.running ?? ''}`)]
}

const total = ({ planned, cellsDone, casesDone, casesPlanned, unexpected, source, builds }: Progress, nowMs: number): readonly Span[] => {
  const elapsed = quiet(`  ${duration(nowMs)}`)
  if (planned.size === 0) return [quiet('lab     '), text(source === undefined && builds.size === 0 ? 'getting ready' : 'no guest yet'), elapsed]
  const verdict: Span = unexpected === 0 ? ['  none unexpected', 'good'] : [`  ${unexpected} unexpected`, 'bad']
  return [quiet('lab     '), text(`${cellsDone} of ${planned.size} cells, ${casesDone} of ${casesPlanned} cases`), verdict, elapsed]
}

const fit = (spans: readonly Span[], columns: number, paint: Paint): string => {
  let room = columns
  let line = ''
  for (const [words, look] of spans) {
    let piece = ''
    for (const char of cleanLine(words).replaceAll('\t', ' ')) {
      // What is not ASCII may be two columns wide: too little on a line does no harm, too much does.
      room -= char.charCodeAt(0) < 0x7f ? 1 : 2
      if (room < 0) break
      piece += char
    }
    line += look === undefined ? piece : paint(look, piece)
  }
  return line
}
