import type { JudgedState, LabState } from './lab-state.ts'
import type { Search } from './open-search.ts'
import type { Place } from './wrong-places.ts'

/** States in an order: a line of patches, or a graph of commits. */
export interface History {
  /** What its states are, for a person: `commits`. */
  readonly of: string
  readonly good: LabState
  readonly bad: LabState
  /** What to judge next, after these were judged, in this order. */
  readonly next: (judged: readonly JudgedState[]) => Promise<NextState>
}

export type NextState =
  | { readonly kind: 'judge'; readonly state: LabState; /** Among so many is the first bad one. */ readonly left: number }
  | { readonly kind: 'found'; readonly state: LabState }
  /** The rest cannot be judged: the first bad one is one of these. */
  | { readonly kind: 'undecided'; readonly states: readonly LabState[] }

export interface FirstBad {
  readonly places: readonly Place[]
  readonly end: Exclude<NextState, { readonly kind: 'judge' }>
}

/** Finds the first bad state of a history, by halves. */
export const firstBad = async (history: History, search: Search): Promise<FirstBad> => {
  const places = await search.judgeEnds(history.good, history.bad)
  const judged: JudgedState[] = []
  for (;;) {
    const next = await history.next(judged)
    if (next.kind !== 'judge') return { places, end: next }
    search.onEvent({ event: 'left', left: next.left, of: history.of, title: next.state.title })
    judged.push(await search.judge(next.state, places))
  }
}
