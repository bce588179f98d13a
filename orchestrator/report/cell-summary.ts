import { cleanLine } from '../host/clean-text.ts'
import type { CaseResult, CellResult } from '../verdict/results.ts'
import { duration } from './durations.ts'
import type { Look, Paint } from './paint.ts'

/** What a place of the matrix says of its cell. */
export const cellVerdict = ({ status, cases, splats }: CellResult): readonly [text: string, look: Look] => {
  switch (status) {
    case 'ok': {
      const known = cases.filter(({ outcome }) => outcome !== 'pass').length
      return [`${cases.length - known} pass${known === 0 ? '' : `, ${known} known`}`, 'good']
    }
    case 'failed': {
      const unexpected = cases.filter((result) => result.unexpected).length
      return [unexpected > 0 ? `${unexpected} FAIL` : `${splats.length} SPLAT`, 'bad']
    }
    case 'build-failed':
    case 'boot-failed': return [status, 'bad']
    case 'lab-error': return [status, 'odd']
  }
}

/** One line for a cell that ended, and one for each of its unexpected verdicts, at most eight. */
export const cellEndLines = (cell: CellResult, paint: Paint): readonly string[] => {
  const [verdict, look] = cellVerdict(cell)
  const { buildMs, bootMs, casesMs } = cell.timings
  const times = [
    ...(buildMs > 0 && cell.status === 'build-failed' ? [`build ${duration(buildMs)}`] : []),
    ...(bootMs > 0 ? [`boot ${duration(bootMs)}`] : []),
    ...(casesMs > 0 ? [`cases ${duration(casesMs)}`] : []),
  ].join(', ')
  const because = cell.because === undefined ? '' : `  ${cleanLine(cell.because, 300)}`
  const unexpected = failedAsAWhole(cell) ? [] : cell.cases.filter((result) => result.unexpected)
  return [
    `${paint(look, verdict.padEnd(12))} ${cleanLine(cell.id)}${because}${times === '' ? '' : paint('quiet', `  ${times}`)}`,
    ...unexpected.slice(0, 8).map((result) => `  ${caseLine(result)}`),
    ...(unexpected.length > 8 ? [`  and ${unexpected.length - 8} more`] : []),
  ]
}

/** `cdev/bind: crash: BUG: ...`, one line. */
const caseLine = ({ id, outcome, expected, message, because }: CaseResult): string => {
  const said = message ?? because
  const wanted = expected === 'pass' ? '' : `, expected ${expected}`
  return cleanLine(`${id}: ${outcome}${wanted}${said === undefined ? '' : `: ${said.split('\n')[0] ?? ''}`}`, 300)
}

/** Nothing that its cases say is worth telling one by one. */
export const failedAsAWhole = ({ status }: CellResult): boolean => status === 'build-failed' || status === 'boot-failed' || status === 'lab-error'
