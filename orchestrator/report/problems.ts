import type { CaseResult, CellResult, Results } from '../verdict/results.ts'
import { failedAsAWhole } from './cell-summary.ts'

/** Something unexpected, with all cells in which it looks the same. */
export interface Problem {
  /** A case id, or what happened to the whole cell. */
  readonly title: string
  readonly verdict: string
  /** Not cleaned: comes from guests. */
  readonly lines: readonly string[]
  /** Console lines around it; not cleaned. */
  readonly console: readonly string[]
  readonly cells: readonly CellResult[]
  /** The case to run again; undefined: the whole cell. */
  readonly caseId: string | undefined
}

/** Of a console's end, the last lines say what happened; of a splat it is the first, and those come whole. */
const TAIL_LINES = 15

/** Every unexpected verdict of a run, the same ones of several cells together, in the order of the first. */
export const problemsOf = ({ cells }: Results): readonly Problem[] => {
  const problems = new Map<string, Problem>()
  for (const problem of cells.flatMap(cellProblems)) {
    const key = JSON.stringify([problem.title, problem.verdict, problem.lines])
    const same = problems.get(key)
    problems.set(key, same === undefined ? problem : { ...same, cells: [...same.cells, ...problem.cells] })
  }
  return [...problems.values()]
}

const cellProblems = (cell: CellResult): readonly Problem[] => {
  if (failedAsAWhole(cell)) return [wholeCell(cell)]
  const unexpected = cell.cases.filter((result) => result.unexpected)
  const notRun = unexpected.filter(({ outcome }) => outcome === 'not-run')
  const outside = cell.splats.filter(({ atCase }) => atCase === null)
  return [
    ...unexpected.filter(({ outcome }) => outcome !== 'not-run').map((result) => caseProblem(result, cell)),
    ...(notRun.length === 0 ? [] : [neverRan(notRun, cell)]),
    ...(cell.status === 'failed' && (unexpected.length === 0 || outside.length > 0) ? [betweenCases(cell)] : []),
  ]
}

const wholeCell = (cell: CellResult): Problem => ({
  title: cell.status === 'build-failed' ? `${cell.kernel.name}/${cell.config}` : cell.id,
  verdict: cell.status,
  lines: [
    ...(cell.because === undefined ? [] : [cell.because]),
    ...cell.configLost.map(({ symbol, asked, got, fragment, unmet }) =>
      `CONFIG_${symbol}: ${fragment} asks for ${asked}, the kernel has ${got}${unmet === '' ? '' : `; not met: ${unmet}`}`),
  ],
  console: (cell.tail ?? []).slice(-TAIL_LINES),
  cells: [cell],
  caseId: undefined,
})

const caseProblem = (result: CaseResult, cell: CellResult): Problem => {
  const splats = cell.splats.filter(({ atCase }) => atCase === result.id)
  return {
    title: result.id,
    verdict: result.expected === 'pass' ? result.outcome : `${result.outcome}, expected ${result.expected}`,
    lines: [...new Set([...(result.outcome === 'skip' ? ['skipped, although it was planned'] : []), ...(result.message?.split('\n') ?? []), ...(result.because === undefined ? [] : [result.because]), ...splats.map(({ title }) => title).filter((title) => result.because?.includes(title) !== true)])],
    console: splats.length > 0 ? splats.flatMap(({ lines }) => lines) : result.console ?? [],
    cells: [cell],
    caseId: result.id,
  }
}

const neverRan = (notRun: readonly CaseResult[], cell: CellResult): Problem => ({
  title: notRun.length === 1 ? notRun[0]?.id ?? '' : `${notRun.length} cases`,
  verdict: 'not run',
  lines: [
    ...new Set(notRun.map(({ because, message }) => because ?? message ?? 'planned, and the guest never reported it')),
    ...(notRun.length === 1 ? [] : [notRun.map(({ id }) => id).join(', ')]),
  ],
  console: (cell.tail ?? []).slice(-TAIL_LINES),
  cells: [cell],
  caseId: notRun.length === 1 ? notRun[0]?.id : undefined,
})

const betweenCases = (cell: CellResult): Problem => {
  const splats = cell.splats.filter(({ atCase }) => atCase === null)
  return {
    title: 'between the cases',
    verdict: 'splat',
    lines: [...new Set([...(cell.because === undefined ? [] : [cell.because]), ...splats.map(({ title }) => title)])],
    console: splats.flatMap(({ lines }) => lines),
    cells: [cell],
    caseId: undefined,
  }
}
