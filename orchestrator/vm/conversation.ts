import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentEvent, AgentRequest } from '../../guest-agent/protocol.ts'
import { kernelFault, type LabError } from '../host/errors.ts'
import { eventLines } from './event-lines.ts'
import { eventOrder } from './event-order.ts'
import type { GuestConsole } from './guest-console.ts'
import { statusText } from './status-text.ts'

export interface Conversation {
  readonly request: AgentRequest
  readonly console: GuestConsole
  /** A fresh connection to the launcher. */
  readonly connection: Duplex
  readonly signal: AbortSignal
}

/** How long init may take to say with what status the agent ended. */
const STATUS_MS = 1_000
const TAIL_LINES = 20

/** Sends the request and yields what comes, to its last event. Throws as RunningVm.ask does. */
export async function* converse({ request, console, connection, signal }: Conversation): AsyncGenerator<AgentEvent, void> {
  const abort = () => { connection.destroy() }
  const inOrder = eventOrder(request)
  let answered = false
  const consoleFrom = console.lines.length
  // The end of the connection is told by the end of its output; a write that fails on the way says nothing more.
  connection.on('error', () => undefined)
  try {
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    connection.write(`${JSON.stringify(request)}\n`)
    for await (const event of eventLines(connection)) {
      inOrder(event)
      yield event
      if (event.event === 'bye' || event.event === 'agent-error') return
      // A long catalogue comes in several events, and then the end.
      if (event.event === 'catalogue') answered = true
    }
    if (answered) return
    signal.throwIfAborted()
    throw await agentDied(console, consoleFrom)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
    connection.destroy()
  }
}

const agentDied = async (console: GuestConsole, consoleFrom: number): Promise<LabError> => {
  const deadline = performance.now() + STATUS_MS
  let status = statusIn(console.lines.slice(consoleFrom))
  while (status === undefined && performance.now() < deadline) {
    await sleep(20)
    status = statusIn(console.lines.slice(consoleFrom))
  }
  const how = status === undefined ? 'the connection to it broke' : statusText(status)
  return kernelFault('AGENT_DIED', `the agent ended before it was done: ${how}`, { tail: console.lines.slice(-TAIL_LINES) })
}

const statusIn = (lines: readonly string[]): number | undefined => {
  const status = lines.map((line) => /vfio-lab: agent ended with status (\d+)/.exec(line)?.[1]).find((found) => found !== undefined)
  return status === undefined ? undefined : Number(status)
}
