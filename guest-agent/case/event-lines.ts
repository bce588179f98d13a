import { MAX_EVENT_BYTES, type AgentEvent, type CaseInfo } from '../protocol.ts'

/** Longer texts than this are cut, in characters; with escapes and UTF-8 they stay far below a line's limit. */
const MAX_TEXT = 4000

/** An event as lines of NDJSON. Only a catalogue can need more than one: each line is then a catalogue event with a part of it. */
export const eventLines = (event: AgentEvent): readonly string[] => {
  if (event.event !== 'catalogue') return [line(bounded(event))]
  const whole = line(event)
  return Buffer.byteLength(whole) <= MAX_EVENT_BYTES ? [whole] : parts(event.cases).map((cases) => line({ event: 'catalogue', cases }))
}

const line = (event: AgentEvent): string => `${JSON.stringify(event)}\n`

const bounded = (event: AgentEvent): AgentEvent => {
  switch (event.event) {
    case 'case-end': return event.message === undefined ? event : { ...event, message: cut(event.message) }
    case 'agent-error': return { ...event, message: cut(event.message) }
    case 'note': return { ...event, text: cut(event.text) }
    case 'hello':
    case 'uapi':
    case 'catalogue':
    case 'case-start':
    case 'plug':
    case 'unplug':
    case 'output':
    case 'bye':
      return event
  }
}

const cut = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}...`)

const parts = (cases: readonly CaseInfo[]): readonly (readonly CaseInfo[])[] => {
  const half = Math.ceil(cases.length / 2)
  const both = [cases.slice(0, half), cases.slice(half)]
  return both.flatMap((part) => (part.length > 1 && Buffer.byteLength(line({ event: 'catalogue', cases: part })) > MAX_EVENT_BYTES ? parts(part) : [part]))
}
