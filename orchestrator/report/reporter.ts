import type { LabEvent } from '../run/lab-event.ts'

/**
 * Tells somebody how a run goes, from its events and nothing else. Whatever throws in here is told once and stops this reporter,
 * never the run and never the other reporters.
 */
export interface Reporter {
  /** As the user knows it: the file it writes, or `terminal`. */
  readonly name: string
  /** Called for every event, in order. Synchronous, so that an event is safe on disk before the next thing happens. */
  onEvent?(event: LabEvent): void
  /** Called once after the last event, also when the run was interrupted or broke; not when this reporter failed before. */
  onEnd?(): void
}
