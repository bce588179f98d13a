import type { PlannedCase } from '../plan/plan.ts'
import type { GuestLife } from '../verdict/transcript.ts'

export interface CellRun {
  readonly cases: readonly PlannedCase[]
  readonly isolate: 'cell' | 'case'
  /** Boots a guest for these cases and sees it to its end. `attempt` counts from 1. */
  readonly live: (cases: readonly PlannedCase[], alone: boolean, attempt: number) => Promise<GuestLife>
}

/** So many guests in a row may die under their cases before the rest counts as not run. */
const MOST_DEATHS = 6

/**
 * All guests that a cell needs: one, or one a case, or a fresh one for what is left after a crash, a hang or the agent's death.
 * A case that was started is never asked again.
 */
export const runCell = async ({ cases, isolate, live }: CellRun): Promise<readonly GuestLife[]> => {
  const lives: GuestLife[] = []
  let left = [...cases]
  let deaths = 0
  // A cell without a case still has a kernel that must boot.
  do {
    const batch = isolate === 'case' ? left.slice(0, 1) : left
    const life = await live(batch, isolate === 'case', lives.length + 1)
    lives.push(life)
    if (!worthAnother(life)) break
    const started = new Set(life.events.flatMap((event) => (event.event === 'case-start' ? [event.id] : [])))
    const remaining = left.filter(({ id }) => !started.has(id))
    // A guest that did not start one of its cases would not start it the next time either.
    if (remaining.length === left.length) break
    left = remaining
    if (life.end.how !== 'done') deaths += 1
    else if (isolate === 'cell') break
  } while (left.length > 0 && deaths < MOST_DEATHS)
  return lives
}

const worthAnother = ({ end }: GuestLife) => end.how !== 'boot-failed' && end.how !== 'lab-error' && end.how !== 'interrupted'
