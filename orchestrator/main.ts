import { exitCodeOf, printError } from './cli/print-error.ts'
import { labProgram } from './cli/program.ts'

/** The lab's entry: `lab` starts this under the pinned Node. The exit code is the answer (0, 1, 2, 3, 130). */
try {
  process.exitCode = await labProgram(process.argv.slice(2))
} catch (error) {
  printError(error, process.stderr)
  process.exitCode = exitCodeOf(error)
}
// Whatever a library left open must not keep a finished lab alive.
await Promise.all([drained(process.stdout), drained(process.stderr)])
process.exit()

function drained(stream: NodeJS.WriteStream) {
  return new Promise<void>((resolve) => stream.write('', () => { resolve() }))
}
