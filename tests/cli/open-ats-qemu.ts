import { LabError } from '../../orchestrator/host/errors.ts'
import { interruptSignal } from '../../orchestrator/host/interrupt.ts'
import { openAtsQemu } from '../../orchestrator/qemu/ats-qemu.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'

/** A program of its own, to be killed, doubled and starved: opens the QEMU of machines with a pcie-ats-testdev and says on stdout, one JSON a line, what happened. */
const say = (line: Readonly<Record<string, unknown>>) => { process.stdout.write(`${JSON.stringify(line)}\n`) }

try {
  const signal = interruptSignal()
  const notice = (text: string) => { say({ notice: text }) }
  await using tools = await openTools('toolbox', { notice, signal })
  await using ats = await openAtsQemu({ given: undefined, tools, notice, signal })
  say({ program: ats.qemu.program })
} catch (error) {
  if (error instanceof LabError) say({ kind: error.kind, code: error.code, message: error.message, hint: error.hint, tail: error.tail })
  else say({ code: error instanceof Error ? error.name : String(error) })
  process.exitCode = 3
}
