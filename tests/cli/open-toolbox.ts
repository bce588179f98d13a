import { interruptSignal } from '../../orchestrator/host/interrupt.ts'
import { LabError } from '../../orchestrator/host/errors.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'

/** A program of its own, to be killed, doubled and starved: opens the toolbox and says on stdout, one JSON a line, what happened. */
const say = (line: Readonly<Record<string, unknown>>) => { process.stdout.write(`${JSON.stringify(line)}\n`) }

try {
  await using tools = await openTools('toolbox', { notice: (notice) => { say({ notice }) }, signal: interruptSignal() })
  say({ id: tools.id })
} catch (error) {
  if (error instanceof LabError) say({ kind: error.kind, code: error.code, message: error.message, hint: error.hint, tail: error.tail })
  else say({ code: error instanceof Error ? error.name : String(error) })
  process.exitCode = 3
}
