import type { Measures } from '../../guest-agent/protocol.ts'
import { isNoisy } from './measure-names.ts'
import type { CaseResult, CellResult, CellStatus } from './results.ts'
import type { Change, Difference, Place, Side } from './run-diff.ts'
import { stableText } from './stable-text.ts'

/** What is different in B's cell. A cell that failed as a whole says nothing of its cases. */
export const diffCells = (a: CellResult, b: CellResult): readonly Difference[] => {
  if (reachedCases(a.status) && reachedCases(b.status)) return [...diffCases(a, b), ...diffBetween(a, b)]
  return sided({ kind: 'cell' }, cellSide(a), cellSide(b))
}

/** B has a cell that A has not, or the other way. */
export const loneCell = (cell: CellResult, change: 'new' | 'gone', because: string): Difference => {
  const side = cellSide(cell)
  return change === 'new'
    ? { change, worse: side.unexpected, place: { kind: 'cell' }, is: side, because }
    : { change, worse: false, place: { kind: 'cell' }, was: side, because }
}

/** Only then do its cases say something. */
export const reachedCases = (status: CellStatus): boolean => status === 'ok' || status === 'failed'

const cellSide = ({ status, because }: CellResult): Side =>
  ({ verdict: status, unexpected: status !== 'ok', ...(because === undefined ? {} : { message: because }) })

const diffCases = (a: CellResult, b: CellResult): readonly Difference[] => {
  const ours = new Map(a.cases.map((result) => [result.id, result]))
  const theirs = new Map(b.cases.map((result) => [result.id, result]))
  return [...new Set([...theirs.keys(), ...ours.keys()])].flatMap((id): readonly Difference[] => {
    const [was, is] = [ours.get(id), theirs.get(id)]
    const place: Place = { kind: 'case', id }
    if (was !== undefined && is !== undefined) return sided(place, caseSide(was, a), caseSide(is, b))
    if (is !== undefined) return [newCase(place, caseSide(is, b), absentIn(a, id))]
    return was === undefined ? [] : [goneCase(place, caseSide(was, a), absentIn(b, id))]
  })
}

const newCase = (place: Place, is: Side, absent: string | undefined): Difference =>
  ({ change: 'new', worse: is.unexpected, place, is, because: absent ?? 'A was not asked for it' })

/** What B's kernel cannot have any more speaks against it; what B was not asked for does not. */
const goneCase = (place: Place, was: Side, absent: string | undefined): Difference =>
  ({ change: 'gone', worse: absent !== undefined, place, was, because: absent ?? 'B was not asked for it' })

const absentIn = (cell: CellResult, id: string): string | undefined => cell.absent.find((absent) => absent.id === id)?.because

const caseSide = ({ id, outcome, unexpected, message, measures = {} }: CaseResult, cell: CellResult): Side => ({
  verdict: outcome,
  unexpected,
  ...(message === undefined ? {} : { message }),
  ...steadyMeasures(measures),
  ...splatsAt(cell, id),
})

const steadyMeasures = (measures: Measures): Pick<Side, 'measures'> => {
  const steady = Object.entries(measures).filter(([name]) => !isNoisy(name)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return steady.length === 0 ? {} : { measures: Object.fromEntries(steady) }
}

const splatsAt = ({ splats }: CellResult, atCase: string | null): { readonly splats?: readonly string[] } => {
  const titles = [...new Set(splats.filter((splat) => splat.atCase === atCase).map(({ title }) => title))].sort()
  return titles.length === 0 ? {} : { splats: titles }
}

const diffBetween = (a: CellResult, b: CellResult): readonly Difference[] => {
  const side = (cell: CellResult): Side => {
    const { splats } = splatsAt(cell, null)
    return splats === undefined ? { verdict: 'quiet', unexpected: false } : { verdict: 'splat', unexpected: true, splats }
  }
  return sided({ kind: 'between' }, side(a), side(b))
}

const sided = (place: Place, was: Side, is: Side): readonly Difference[] => {
  const change = changeOf(was, is)
  return change === undefined ? [] : [{ change, worse: change === 'broken' || (change === 'changed' && is.unexpected && isMore(was, is)), place, was, is }]
}

const changeOf = (was: Side, is: Side): Change | undefined => {
  if (was.unexpected !== is.unexpected) return is.unexpected ? 'broken' : 'fixed'
  return said(was) === said(is) ? undefined : 'changed'
}

const said = ({ verdict, message, measures = {}, splats = [] }: Side): string =>
  JSON.stringify([verdict, stableText(message ?? ''), measures, splats.map(stableText)])

/** Both are wrong, and B does worse things: a kernel that complains more, or a guest that dies where a case only failed. */
const isMore = (was: Side, is: Side): boolean => {
  const before = new Set((was.splats ?? []).map(stableText))
  return SEVERITY[is.verdict] > SEVERITY[was.verdict] || (is.splats ?? []).some((title) => !before.has(stableText(title)))
}

const SEVERITY: Readonly<Record<Side['verdict'], number>> = {
  'quiet': 0, 'ok': 0, 'pass': 0, 'lab-error': 1, 'skip': 1, 'not-run': 1, 'fail': 2, 'failed': 2, 'timeout': 3, 'splat': 4, 'crash': 4, 'boot-failed': 4, 'build-failed': 4,
}
