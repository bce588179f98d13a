import { styleText } from 'node:util'
import { LabError } from '../host/errors.ts'
import { Interrupted } from '../host/interrupt.ts'

/** The exit codes of design: 2 yours, 1 the kernel's, 3 the lab's. An error that is no LabError is a bug in the lab. */
export const exitCodeOf = (error: unknown): 1 | 2 | 3 | 130 => {
  if (error instanceof Interrupted) return 130
  if (!(error instanceof LabError)) return 3
  return ({ yours: 2, kernel: 1, lab: 3 } as const)[error.kind]
}

/** At most one screen: what failed, what it said last, what to do. */
export const printError = (error: unknown, stream: NodeJS.WriteStream): void => {
  if (error instanceof Interrupted) {
    stream.write(`lab: ${error.message}\n`)
    return
  }
  if (!(error instanceof LabError)) {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error)
    stream.write(`${red('lab:', stream)} this is a bug in the lab, please report it\n${stack}\n`)
    return
  }
  const took = error.durationMs === undefined ? '' : ` (after ${(error.durationMs / 1000).toFixed(1)} s)`
  stream.write(`${red('lab:', stream)} ${error.message}${took}\n`)
  for (const line of error.tail.slice(-12)) stream.write(`  | ${line}\n`)
  if (error.hint !== undefined) stream.write(`${error.hint}\n`)
  const cause = causeOf(error)
  if (cause !== undefined) stream.write(`${styleText('dim', `cause: ${cause}`, { stream })}\n`)
}

const red = (text: string, stream: NodeJS.WriteStream) => styleText(['red', 'bold'], text, { stream })

const causeOf = (error: LabError) => {
  const { cause } = error
  if (!(cause instanceof Error) || error.message.includes(cause.message)) return undefined
  return cause.message.split('\n')[0]
}
