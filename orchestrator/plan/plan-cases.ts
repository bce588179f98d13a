import { selectCases, type CaseFilter } from './select-cases.ts'
import { unmetNeed } from './unmet-need.ts'
import type { KernelOutcome } from '../kernel/built-kernel.ts'
import type { MachineFacts } from '../machine/machine-spec.ts'
import type { AbsentCase, Cell, CellPlan, PlannedCase } from './plan.ts'

export interface CatalogueChoice extends CaseFilter {
  /** The config's suites; default: all. */
  readonly suites?: readonly string[] | undefined
}

/**
 * What must run in a cell, and what this cell cannot have, each with its reason. Every chosen case is in one of the two lists.
 * A kernel that was not built plans nothing that a guest would be asked: its cell fails as a whole.
 * Throws LabError yours (UNKNOWN_SUITE, NO_CASES) for a choice that leaves no case of the catalogue.
 */
export const planCases = (
  cell: Cell,
  kernel: KernelOutcome,
  machine: MachineFacts,
  catalogue: readonly PlannedCase[],
  choice: CatalogueChoice = {},
): CellPlan => {
  const chosen = bySuite(selectCases(catalogue, choice.suites ?? ['native'], choice))
  if (kernel.status === 'build-failed') return { cell, kernel, cases: chosen.filter(({ kconfig }) => kconfig !== undefined), absent: [] }
  const cases: PlannedCase[] = []
  const absent: AbsentCase[] = []
  for (const info of chosen) {
    const because = info.unfit ?? unmetNeed(info.needs, kernel.facts, machine)
    if (because === undefined) cases.push(info)
    else absent.push({ id: info.id, because })
  }
  return { cell, kernel, cases, absent }
}

/** Suites in the order in which they first appear, each one's cases together and in catalogue order. */
const bySuite = (cases: readonly PlannedCase[]): readonly PlannedCase[] => [...Map.groupBy(cases, ({ suite }) => suite).values()].flat()
