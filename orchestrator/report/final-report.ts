import { cleanLine } from '../host/clean-text.ts'
import type { Results } from '../verdict/results.ts'
import { cellPath } from './cell-path.ts'
import { duration } from './durations.ts'
import { matrixLines } from './matrix.ts'
import type { Paint } from './paint.ts'
import { problemsOf, type Problem } from './problems.ts'
import { rerunCommand, type SourceArgs } from './rerun-command.ts'

export interface FinalReport {
  readonly results: Results
  /** The run folder, as the user may type it. */
  readonly runDir: string
  readonly sourceArgs: SourceArgs
  readonly columns: number
  readonly paint: Paint
}

/** On a terminal so many problems are told in full; the files hold all. */
const MOST_PROBLEMS = 20
const MOST_CONSOLE_LINES = 30
/** A case that the model wrote has thirty. */
const MOST_MESSAGE_LINES = 40
const INDENT = 10

/** What a person reads after a run: the matrix, each problem, then what did not take part, and where the rest is. */
export const finalReport = (report: FinalReport): readonly string[] => {
  const { results, columns, paint } = report
  const problems = problemsOf(results)
  return [
    '',
    ...matrixLines(results, columns, paint),
    ...problems.slice(0, MOST_PROBLEMS).flatMap((problem) => problemLines(problem, report)),
    ...(problems.length > MOST_PROBLEMS ? [`and ${problems.length - MOST_PROBLEMS} more problems, see ${report.runDir}/results.json`, ''] : []),
    ...facts(report).flatMap(([name, texts]) =>
      texts.flatMap((text) => wordWrap(cleanLine(text), columns - INDENT)).map((text, index) => `${paint('quiet', (index === 0 ? name : '').padEnd(INDENT))}${text}`)),
    '',
    lastLine(results, paint),
  ]
}

const problemLines = ({ title, verdict, lines, console, cells, caseId }: Problem, { results, runDir, sourceArgs, paint }: FinalReport): readonly string[] => {
  const [first] = cells
  if (first === undefined) return []
  const shown = console.slice(0, MOST_CONSOLE_LINES)
  return [
    `${paint(verdict === 'lab-error' ? 'odd' : 'bad', verdict === 'fail' ? 'FAIL' : cleanLine(verdict))} ${paint('strong', cleanLine(title))}`,
    ...lines.slice(0, MOST_MESSAGE_LINES).map((line) => `  ${cleanLine(line)}`),
    ...(lines.length > MOST_MESSAGE_LINES ? ['  ...'] : []),
    `  ${paint('quiet', 'in')} ${cells.map(({ id }) => cleanLine(id)).join(', ')}`,
    ...shown.map((line) => paint('quiet', `  | ${cleanLine(line, 240)}`)),
    ...(console.length > shown.length ? [paint('quiet', `  | ... ${console.length - shown.length} more lines in ${runDir}/cells/${cellPath(first.id)}/console.log`)] : []),
    `  ${paint('quiet', 'again:')} ${rerunCommand(results, first, caseId, sourceArgs)}`,
    '',
  ]
}

const facts = ({ results, runDir }: FinalReport): readonly (readonly [string, readonly string[]])[] => [
  ['absent', absent(results)],
  ['excluded', results.excluded.map(({ id, because }) => `${id}: ${because}`)],
  ['not asked', [...new Set(results.cells.flatMap(({ kernel, config, configNotAsked }) =>
    configNotAsked.map(({ symbol, asked, where }) => `${kernel.name}/${config}: CONFIG_${symbol}=${asked}, because this tree has no ${where}`)))]],
  ['versions', [Object.entries(results.versions).map(([name, version]) => `${name} ${version}`).join(', ')]],
  ['accel', [`${results.accel.used}: ${results.accel.because}`]],
  ['files', [`${runDir}/: results.json, events.ndjson, ktap/, cells/*/*/*/console.log`]],
]

const wordWrap = (text: string, columns: number): readonly string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + 1 + word.length > Math.max(columns, 40)) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}

// How many, and the reasons that take most away: the list is in results.json.
const absent = ({ cells }: Results): readonly string[] => {
  const reasons = new Map<string, number>()
  for (const { because } of cells.flatMap((cell) => cell.absent)) reasons.set(because, (reasons.get(because) ?? 0) + 1)
  const all = [...reasons.values()].reduce((sum, count) => sum + count, 0)
  if (all === 0) return []
  const most = [...reasons].sort(([, a], [, b]) => b - a)
  const rest = most.slice(4).reduce((sum, [, count]) => sum + count, 0)
  const told = most.slice(0, 4).map(([because, count]) => `${count} ${because}`)
  return [`${all} cases that their cells cannot have: ${[...told, ...(rest > 0 ? [`${rest} for other reasons`] : [])].join('; ')}`]
}

const lastLine = ({ summary, durationMs, interrupted }: Results, paint: Paint): string => {
  const { cells, planned, ran, pass, fail, skip, timeout, crash, unexpected } = summary
  const others = Object.entries({ fail, skip, timeout, crash }).filter(([, count]) => count > 0).map(([name, count]) => `, ${count} ${name}`).join('')
  const verdict = unexpected === 0 ? paint('good', 'all as expected') : paint('bad', `${unexpected} unexpected`)
  const cut = interrupted ? `${paint('odd', 'interrupted')}: ` : ''
  return `${cut}${cells} cells, ${planned} cases planned, ${ran} ran: ${pass} pass${others}; ${verdict}, in ${duration(durationMs)}`
}
