import type { JudgedState } from './lab-state.ts'
import type { Place } from './wrong-places.ts'

/** How far a search is. */
export type SearchEvent =
  /** It goes on where another one of the same question was stopped. */
  | { readonly event: 'resumed'; readonly folder: string }
  /** Both ends are judged: this is what is searched for. */
  | { readonly event: 'ends'; readonly places: readonly Place[] }
  /** An end is judged now. */
  | { readonly event: 'end'; readonly end: 'good' | 'bad'; readonly title: string }
  /** `left`: among so many the answer is; `of`: what they are, e.g. `commits`. */
  | { readonly event: 'left'; readonly left: number; readonly of: string; readonly title: string }
  | { readonly event: 'judged'; readonly state: JudgedState; readonly ms: number; /** It was judged before this search was stopped. */ readonly known: boolean }
