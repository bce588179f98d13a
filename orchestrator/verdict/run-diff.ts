import type { Measures } from '../../guest-agent/protocol.ts'
import type { CaseResult, CellStatus } from './results.ts'

/** Where a difference lies: in one case, on the console between the cases, or in the cell as a whole. */
export type Place =
  | { readonly kind: 'case'; readonly id: string }
  | { readonly kind: 'between' }
  | { readonly kind: 'cell' }

/**
 * `broken`: as expected in A, not in B; `fixed`: the other way; `changed`: the same verdict, other words, another outcome or other splats;
 * `new`, `gone`: only one of the runs has it.
 */
export type Change = 'broken' | 'fixed' | 'changed' | 'new' | 'gone'

export const CHANGES: readonly Change[] = ['broken', 'gone', 'changed', 'new', 'fixed']

/** What one run says of a place. */
export interface Side {
  readonly verdict: CaseResult['outcome'] | CellStatus | 'splat' | 'quiet'
  readonly unexpected: boolean
  /** As the guest said it: not cleaned. */
  readonly message?: string
  /** Figures of the case, without times. */
  readonly measures?: Measures
  /** Titles of the kernel's complaints there. */
  readonly splats?: readonly string[]
}

export interface Difference {
  readonly change: Change
  /** It speaks against B. */
  readonly worse: boolean
  readonly place: Place
  /** Undefined: that run has no such thing. */
  readonly was?: Side
  readonly is?: Side
  /** Why one run does not have it. */
  readonly because?: string
}

export interface CellDiff {
  /** `config/machine` where each run has one kernel, otherwise the cells' own id. */
  readonly id: string
  readonly differences: readonly Difference[]
}

export interface DiffedRun {
  readonly id: string
  readonly startedAt: string
  readonly kernels: readonly { readonly name: string; readonly release: string; readonly patches: readonly string[] }[]
  /** It was stopped before its end: what is missing says nothing. */
  readonly interrupted: boolean
}

/** A time of a case that is about times, and that is not the same up to noise. */
export interface TimeChange {
  /** The case's. */
  readonly id: string
  readonly measure: string
  /** In the unit that the measure's name says. */
  readonly was: number
  readonly is: number
  /** Above 1: B is slower. */
  readonly ratio: number
}

export interface CellTimes {
  /** As a CellDiff has it. */
  readonly id: string
  readonly changes: readonly TimeChange[]
}

/** What is slower or faster in B. It says nothing of right and wrong: it never makes B worse. */
export interface TimesDiff {
  /** What differs by this factor or less is noise. */
  readonly noiseFactor: number
  /** Times that both runs have. */
  readonly compared: number
  /** Those in which one is slower or faster. */
  readonly cells: readonly CellTimes[]
}

/** What B has different from A; cells without a difference are left out. */
export interface RunDiff {
  readonly schemaVersion: 1
  readonly a: DiffedRun
  readonly b: DiffedRun
  /** Cells, and cases in them, that both runs have. */
  readonly compared: { readonly cells: number; readonly cases: number }
  readonly counts: Readonly<Record<Change, number>>
  readonly worse: boolean
  readonly cells: readonly CellDiff[]
  readonly times: TimesDiff
}
