import { yours } from '../host/errors.ts'
import type { LabEvent } from '../run/lab-event.ts'
import type { CellResult, Results } from '../verdict/results.ts'

/** What a run found, from its events. Throws yours/EVENTS_INCOMPLETE when they do not reach the run's end. */
export const foldResults = (events: Iterable<LabEvent>): Results => {
  const fold = resultsFold()
  for (const event of events) fold.onEvent(event)
  const results = fold.results()
  if (results === undefined) {
    throw yours('EVENTS_INCOMPLETE', 'the events stop before the run does', { hint: 'The run was killed, or still runs: run it again, or wait.' })
  }
  return results
}

/** The same fold, an event at a time. */
export const resultsFold = () => {
  const cells = new Map<string, CellResult>()
  let planned: readonly string[] = []
  let end: Omit<Results, 'cells'> | undefined
  return {
    onEvent: (event: LabEvent) => {
      if (event.event === 'plan') planned = event.cells.map(({ id }) => id)
      if (event.event === 'cell-end') cells.set(event.cell, event.result)
      if (event.event === 'run-end') end = event.results
    },
    /** Cells in the plan's order, whatever order they ended in. Undefined until the run ends. */
    results: (): Results | undefined => {
      if (end === undefined) return undefined
      const order = new Map(planned.map((id, index) => [id, index]))
      const place = ({ id }: CellResult) => order.get(id) ?? planned.length
      return { ...end, cells: [...cells.values()].sort((a, b) => place(a) - place(b)) }
    },
  }
}
