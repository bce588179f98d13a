/**
 * Whose fault an error is. The three never mix:
 * `yours` bad flags, config or input (exit 2); `kernel` the kernel under test did it (exit 1);
 * `lab` QEMU, the host, its disk or network (exit 3).
 */
export type ErrorKind = 'yours' | 'kernel' | 'lab'

export interface LabErrorDetails extends ErrorOptions {
  /** What to do next, one line. */
  readonly hint?: string
  /** How long the thing ran before it failed, in milliseconds. */
  readonly durationMs?: number
  /** The last lines of the guest console or of the tool's output, already cleaned of control characters. */
  readonly tail?: readonly string[]
}

/** The one base class. The message says what failed and on which object; the hint says what to do. */
export class LabError extends Error {
  override readonly name: string = 'LabError'
  readonly kind: ErrorKind
  /** Stable, SCREAMING_SNAKE: tests and scripts match on it. */
  readonly code: string
  readonly hint: string | undefined
  readonly durationMs: number | undefined
  readonly tail: readonly string[]

  constructor(kind: ErrorKind, code: string, message: string, details: LabErrorDetails = {}) {
    super(message, details)
    this.kind = kind
    this.code = code
    this.hint = details.hint
    this.durationMs = details.durationMs
    this.tail = details.tail ?? []
  }
}

export const yours = (code: string, message: string, details?: LabErrorDetails) => new LabError('yours', code, message, details)
export const kernelFault = (code: string, message: string, details?: LabErrorDetails) => new LabError('kernel', code, message, details)
export const labFault = (code: string, message: string, details?: LabErrorDetails) => new LabError('lab', code, message, details)
