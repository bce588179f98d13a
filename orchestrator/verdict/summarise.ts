import type { Plan } from '../plan/plan.ts'
import type { CaseResult, CellResult, Outcome, Summary } from './results.ts'

const RAN: readonly Outcome[] = ['pass', 'fail', 'timeout', 'crash']

/** The figures of a run. `planned` comes from the plan, `ran` from what the agents reported; the two say whether all that was planned ran. */
export const summarise = (cells: readonly CellResult[], plan: Plan): Summary => {
  const cases = cells.flatMap((cell) => cell.cases)
  const count = (holds: (result: CaseResult) => boolean) => cases.filter(holds).length
  const judged = new Set(cells.map(({ id }) => id))
  return {
    cells: plan.cells.length,
    planned: plan.cells.reduce((sum, cell) => sum + cell.cases.length, 0),
    ran: count(({ outcome }) => RAN.includes(outcome)),
    pass: count(({ outcome }) => outcome === 'pass'),
    fail: count(({ outcome }) => outcome === 'fail'),
    skip: count(({ outcome }) => outcome === 'skip'),
    timeout: count(({ outcome }) => outcome === 'timeout'),
    crash: count(({ outcome }) => outcome === 'crash'),
    unexpected: count(({ unexpected }) => unexpected) + cells.filter(failedAsWhole).length + plan.cells.filter(({ cell }) => !judged.has(cell.id)).length,
  }
}

/** Beyond its cases: it did not get to them, or something happened that is no case's. */
const failedAsWhole = ({ status, cases }: CellResult): boolean => status !== 'ok' && (status !== 'failed' || !cases.some(({ unexpected }) => unexpected))
