import type { Readable } from 'node:stream'
import { type AgentEvent, MAX_EVENT_BYTES } from '../../guest-agent/protocol.ts'
import { cleanLine } from '../host/clean-text.ts'
import { type LabError, labFault } from '../host/errors.ts'
import { jsonOf } from '../host/json-of.ts'
import { agentEvent } from './agent-events.ts'

const NEWLINE = 0x0a
const EXCERPT = 160
/** Every event is kept until the cell is judged. A run of all cases says less than one of these. */
const MOST_MIB = 64

/**
 * The agent's output as validated events. Memory stays bounded: a line that grows too long ends it at once, and so does a stream that does not end.
 * Throws LabError lab/AGENT_OUTPUT_INVALID.
 */
export async function* eventLines(output: Readable): AsyncGenerator<AgentEvent, void> {
  let rest = Buffer.alloc(0)
  let bytes = 0
  for await (const chunk of output) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the output of an agent is a stream of bytes')
    bytes += chunk.length
    if (bytes > MOST_MIB * 2 ** 20) throw invalidOutput(`more than ${MOST_MIB} MiB`, chunk.toString('utf8', 0, EXCERPT * 4))
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      yield parseEvent(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
    if (rest.length > MAX_EVENT_BYTES) throw tooLong(rest)
  }
}

const parseEvent = (line: Buffer): AgentEvent => {
  if (line.length > MAX_EVENT_BYTES) throw tooLong(line)
  const text = line.toString('utf8')
  const parsed = agentEvent.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${cleanLine(issue.path.join('.'), 60)}: ${cleanLine(issue.message, 100)})`
  throw invalidOutput(`a line that is no event${where}`, text)
}

const tooLong = (line: Buffer): LabError =>
  invalidOutput(`a line longer than ${MAX_EVENT_BYTES} bytes`, line.toString('utf8', 0, EXCERPT * 4))

/** The lab's fault, whatever the guest did: an agent that talks nonsense gives no verdict about the kernel. */
export const invalidOutput = (what: string, text: string): LabError =>
  labFault('AGENT_OUTPUT_INVALID', `the agent said ${what}: ${JSON.stringify(cleanLine(text, EXCERPT))}`, {
    hint: 'the agent is guest-agent/main.ts; what it said is in agent.ndjson and console.log of the cell',
  })
