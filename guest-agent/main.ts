import os from 'node:os'
import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import type { Case } from './case/define-case.ts'
import { findCases } from './case/find-cases.ts'
import { eventLines } from './case/event-lines.ts'
import { parseRequest } from './case/parse-request.ts'
import { writeConsole } from './case/kernel-log.ts'
import { prepareMachine } from './case/prepare.ts'
import { firstLine } from './case/first-line.ts'
import { runCases } from './case/run-cases.ts'
import { prepareForPrograms, programCase } from './program/program-case.ts'
import { PROTOCOL_VERSION, type AgentEvent, type AgentRequest } from './protocol.ts'
import { catalogue } from './suites/index.ts'
import { uapiBeliefs } from './uapi/beliefs.ts'
import { loadLibc } from './sys/libc.ts'

/** Answers the one request that comes on `input` with events on `output`; resolves when the last event is written. */
export const serve = async (input: Readable, output: Writable): Promise<void> => {
  const emit = (event: AgentEvent): void => {
    for (const line of eventLines(event)) output.write(line)
  }
  try {
    await answer(parseRequest(await firstLine(input)), emit)
  } catch (error) {
    emit({ event: 'agent-error', message: error instanceof Error ? error.message : String(error) })
  }
  await new Promise<void>((resolve) => { output.write('', () => { resolve() }) })
}

type Emit = (event: AgentEvent) => void
type RunRequest = Extract<AgentRequest, { run: unknown }>['run']

const answer = async (request: AgentRequest, emit: Emit): Promise<void> => {
  if ('list' in request) {
    emit({ event: 'uapi', uapi: uapiBeliefs() })
    emit({ event: 'catalogue', cases: catalogue.map(({ info }) => info) })
    return
  }
  const { run } = request
  emit({ event: 'hello', protocol: PROTOCOL_VERSION, node: process.version, release: os.release(), pid: process.pid })
  const { programs = [] } = run
  const cases = findCases([...catalogue, ...programs.map(programCase)], run.cases)
  await loadLibc()
  if (programs.length > 0) await prepareForPrograms()
  const ran = await onPreparedMachine(cases, run, emit)
  emit({ event: 'bye', ran })
}

const onPreparedMachine = async (cases: readonly Case[], { cell, timeoutScale }: RunRequest, emit: Emit): Promise<number> => {
  await using machine = prepareMachine(cell, (text) => { emit({ event: 'note', text }) })
  return await runCases(cases, { facts: cell, devices: machine.devices, timeoutScale, alone: true, mark: writeConsole }, emit)
}

if (import.meta.main) {
  await serve(process.stdin, process.stdout)
  process.stdin.destroy()
}
