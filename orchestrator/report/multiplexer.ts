import { LabError, labFault } from '../host/errors.ts'
import type { LabEvent } from '../run/lab-event.ts'
import type { Reporter } from './reporter.ts'

/** All reporters of a run as one. Disposing ends them. */
export interface Multiplexer extends Disposable {
  /** Ignored once ended: a guest that is being stopped may still speak. */
  onEvent(event: LabEvent): void
  /** Ends every reporter that still works. Only the first call does something. */
  onEnd(): void
  /** What made reporters fail, one error a reporter: lab/REPORTER_FAILED. Their reports are not whole. */
  readonly failures: readonly LabError[]
}

/** A reporter that throws is told about once, through onFailure, and is left out from then on; the run goes on. */
export const multiplexer = (reporters: readonly Reporter[], onFailure: (error: LabError) => void): Multiplexer => {
  const working = new Set(reporters)
  const failures: LabError[] = []
  let ended = false

  const tell = (call: (reporter: Reporter) => void) => {
    for (const reporter of working) {
      try {
        call(reporter)
      } catch (cause) {
        working.delete(reporter)
        const failure = reporterFailed(reporter, cause)
        failures.push(failure)
        onFailure(failure)
      }
    }
  }
  const onEnd = () => {
    if (ended) return
    ended = true
    tell((reporter) => { reporter.onEnd?.() })
  }

  return {
    onEvent: (event) => { if (!ended) tell((reporter) => { reporter.onEvent?.(event) }) },
    onEnd,
    failures,
    [Symbol.dispose]: onEnd,
  }
}

const reporterFailed = (reporter: Reporter, cause: unknown) => {
  const because = cause instanceof Error ? cause.message : String(cause)
  return labFault('REPORTER_FAILED', `the report ${reporter.name} stopped: ${because}`, {
    cause,
    hint: cause instanceof LabError && cause.hint !== undefined ? cause.hint : 'The run goes on without it; the other reports are whole.',
  })
}
