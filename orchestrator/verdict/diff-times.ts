import { reachedCases } from './diff-cells.ts'
import { isTime } from './measure-names.ts'
import type { CaseResult, CellResult } from './results.ts'
import type { TimeChange } from './run-diff.ts'

/** What lies within this factor is taken for noise: chosen, not derived from the spread of two runs of one kernel. */
export const NOISE_FACTOR = 1.25

export interface ComparedTimes {
  readonly compared: number
  /** The times that differ by more than noise, those that differ most first. */
  readonly changes: readonly TimeChange[]
}

/** The times of the cases that are about times, and passed on both sides. */
export const diffTimes = (a: CellResult, b: CellResult): ComparedTimes => {
  if (!reachedCases(a.status) || !reachedCases(b.status)) return { compared: 0, changes: [] }
  const before = new Map(a.cases.map((result) => [result.id, timesOf(result)]))
  const pairs = b.cases.flatMap((result) => [...timesOf(result)].flatMap(([measure, is]): readonly TimeChange[] => {
    const was = before.get(result.id)?.get(measure)
    return was === undefined ? [] : [{ id: result.id, measure, was, is, ratio: is / was }]
  }))
  return { compared: pairs.length, changes: pairs.filter(({ ratio }) => factorOf(ratio) > NOISE_FACTOR).toSorted((one, other) => factorOf(other.ratio) - factorOf(one.ratio)) }
}

/** How far from the same, in either direction. */
const factorOf = (ratio: number): number => Math.max(ratio, 1 / ratio)

const timesOf = ({ timed, outcome, measures = {} }: CaseResult): ReadonlyMap<string, number> =>
  new Map(timed === true && outcome === 'pass' ? Object.entries(measures).filter(([name, value]) => isTime(name) && value > 0) : [])
