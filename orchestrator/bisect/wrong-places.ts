import { countText } from '../host/count-text.ts'
import { reachedCases } from '../verdict/diff-cells.ts'
import type { CellResult, Results } from '../verdict/results.ts'
import type { JudgedState } from './lab-state.ts'

/** Where a verdict is: a case in a cell, or the cell as a whole. The kernel's name is not part of it: its states have several. */
export interface Place {
  readonly config: string
  readonly machine: string
  /** A case's id; null: the whole cell. */
  readonly case: string | null
}

/** What is not as expected in B, and was not wrong in A: what a search between them follows. */
export const turnedPlaces = (a: Results, b: Results): readonly Place[] => {
  const before = new Set(wrongIn(a).map(({ place }) => nameOf(place)))
  return wrongIn(b).map(({ place }) => place).filter((place) => !before.has(nameOf(place)))
}

/**
 * Whether a state has what is searched for: bad when any of these places is wrong in it. A cell that says nothing of them, because it was
 * not built or did not boot, makes it a `skip`.
 */
export const verdictOf = (results: Results, places: readonly Place[]): Pick<JudgedState, 'verdict' | 'because'> => {
  const searched = new Set(places.map(nameOf))
  const wrong = wrongIn(results).filter(({ place }) => searched.has(nameOf(place)))
  if (wrong[0] !== undefined) return { verdict: 'bad', because: `${nameOf(wrong[0].place)}: ${wrong[0].said}` }
  const silent = results.cells.find(({ status }) => !reachedCases(status))
  if (silent !== undefined) return { verdict: 'skip', because: `${silent.config}/${silent.machine}: ${silent.status}: ${silent.because ?? ''}` }
  return { verdict: 'good', because: `${countText(results.summary.ran, 'case')} as expected` }
}

/** `noiommu/intel`, or with a case `noiommu/intel iommufd-ioas/map-read-only`. */
export const nameOf = ({ config, machine, case: id }: Place): string => `${config}/${machine}${id === null ? '' : ` ${id}`}`

interface WrongPlace {
  readonly place: Place
  /** First line, not cleaned. */
  readonly said: string
}

const wrongIn = ({ cells }: Results): readonly WrongPlace[] => cells.flatMap(wrongInCell)

const wrongInCell = ({ config, machine, status, because, cases }: CellResult): readonly WrongPlace[] => {
  if (status === 'ok' || status === 'lab-error') return []
  const wrong = cases.filter(({ unexpected }) => unexpected)
  if (status !== 'failed' || wrong.length === 0) return [{ place: { config, machine, case: null }, said: `${status}: ${firstLine(because)}` }]
  return wrong.map(({ id, outcome, message }) => ({ place: { config, machine, case: id }, said: `${outcome}${message === undefined ? '' : `: ${firstLine(message)}`}` }))
}

const firstLine = (text = ''): string => text.split('\n')[0] ?? ''
