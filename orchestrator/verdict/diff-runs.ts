import { diffCells, loneCell, reachedCases } from './diff-cells.ts'
import { diffTimes, NOISE_FACTOR } from './diff-times.ts'
import type { CellResult, Results } from './results.ts'
import type { CellDiff, Change, DiffedRun, RunDiff, TimesDiff } from './run-diff.ts'

/**
 * Compares two runs, cell by cell. Cells pair by config and machine when each run has one kernel, otherwise by their whole id.
 * The same results on both sides give no difference.
 */
export const diffRuns = (a: Results, b: Results): RunDiff => {
  const byPlace = kernelsOf(a).length === 1 && kernelsOf(b).length === 1
  const idOf = ({ id, config, machine }: CellResult) => (byPlace ? `${config}/${machine}` : id)
  const ours = new Map(a.cells.map((cell) => [idOf(cell), cell]))
  const theirs = new Map(b.cells.map((cell) => [idOf(cell), cell]))
  const all = [...new Set([...theirs.keys(), ...ours.keys()])].map((id) => ({ id, was: ours.get(id), is: theirs.get(id) }))
  const cells = all.map(({ id, was, is }): CellDiff => ({ id, differences: differencesOf(was, is, a, b) })).filter(({ differences }) => differences.length > 0)
  const differences = cells.flatMap((cell) => cell.differences)
  const pairs = all.flatMap(({ id, was, is }) => (was === undefined || is === undefined ? [] : [{ id, was, is }]))
  return {
    schemaVersion: 1,
    a: sideOf(a),
    b: sideOf(b),
    compared: { cells: pairs.length, cases: pairs.reduce((sum, pair) => sum + commonCases(pair.was, pair.is), 0) },
    counts: countsOf(differences.map(({ change }) => change)),
    worse: differences.some(({ worse }) => worse),
    cells,
    times: timesOf(pairs),
  }
}

const timesOf = (pairs: readonly { readonly id: string; readonly was: CellResult; readonly is: CellResult }[]): TimesDiff => {
  const cells = pairs.map(({ id, was, is }) => ({ id, ...diffTimes(was, is) }))
  return {
    noiseFactor: NOISE_FACTOR,
    compared: cells.reduce((sum, { compared }) => sum + compared, 0),
    cells: cells.filter(({ changes }) => changes.length > 0).map(({ id, changes }) => ({ id, changes })),
  }
}

const differencesOf = (was: CellResult | undefined, is: CellResult | undefined, a: Results, b: Results): CellDiff['differences'] => {
  if (was !== undefined && is !== undefined) return diffCells(was, is)
  if (is !== undefined) return [loneCell(is, 'new', excludedBecause(a, is) ?? 'A was not asked for it')]
  return was === undefined ? [] : [loneCell(was, 'gone', excludedBecause(b, was) ?? 'B was not asked for it')]
}

const excludedBecause = ({ excluded }: Results, { config, machine }: CellResult): string | undefined =>
  excluded.find(({ id }) => id.endsWith(`/${config}/${machine}`))?.because

const kernelsOf = ({ cells }: Results): DiffedRun['kernels'] =>
  [...new Map(cells.map(({ kernel }) => [`${kernel.name} ${kernel.release}`, kernel])).values()]

const sideOf = (run: Results): DiffedRun => ({ id: run.id, startedAt: run.startedAt, kernels: kernelsOf(run), interrupted: run.interrupted })

const commonCases = (a: CellResult, b: CellResult): number => {
  if (!reachedCases(a.status) || !reachedCases(b.status)) return 0
  const ours = new Set(a.cases.map(({ id }) => id))
  return b.cases.filter(({ id }) => ours.has(id)).length
}

const countsOf = (changes: readonly Change[]): Readonly<Record<Change, number>> => {
  const count = (one: Change) => changes.filter((change) => change === one).length
  return { broken: count('broken'), gone: count('gone'), changed: count('changed'), new: count('new'), fixed: count('fixed') }
}
