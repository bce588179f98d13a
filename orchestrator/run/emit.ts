import type { LabEvent, LabEventBody } from './lab-event.ts'

/** Takes an event without its time; the time is set here, so that all events of a run share one clock. */
export type Emit = (body: LabEventBody) => void

export const emitTo = (sink: (event: LabEvent) => void, startedAt = performance.now()): Emit =>
  (body) => { sink({ atMs: Math.round(performance.now() - startedAt), ...body }) }
