import { describe, expect, it } from 'vitest'
import { type AgentEvent, PROTOCOL_VERSION } from '../../../guest-agent/protocol.ts'
import { eventOrder } from '../../../orchestrator/vm/event-order.ts'

const cell = { config: {}, uapi: [], iommu: [], devices: [], topology: [] }
const run = { run: { cases: ['s/a', 's/b'], cell, timeoutScale: 1 } }
const hello: AgentEvent = { event: 'hello', protocol: PROTOCOL_VERSION, node: 'v24', release: '7.3', pid: 1 }
const start = (id: string): AgentEvent => ({ event: 'case-start', id })
const end = (id: string): AgentEvent => ({ event: 'case-end', id, outcome: 'pass', durationMs: 1 })
const bye: AgentEvent = { event: 'bye', ran: 2 }

const feed = (events: readonly AgentEvent[], request: Parameters<typeof eventOrder>[0] = run) => {
  const inOrder = eventOrder(request)
  events.forEach(inOrder)
}
const invalid: unknown = expect.objectContaining({ kind: 'lab', code: 'AGENT_OUTPUT_INVALID' })

describe('eventOrder', () => {
  it('takes a run from hello to bye', () => {
    feed([hello, start('s/a'), { event: 'note', text: 'x' }, end('s/a'), start('s/b'), end('s/b'), bye])
  })

  it('takes a catalogue without hello, when that was asked', () => {
    feed([{ event: 'catalogue', cases: [] }, { event: 'catalogue', cases: [] }], { list: true })
  })

  it.each<[string, readonly AgentEvent[]]>([
    ['a case before hello', [start('s/a')]],
    ['two hellos', [hello, hello]],
    ['another protocol', [{ event: 'hello', protocol: PROTOCOL_VERSION + 1, node: 'v24', release: '7.3', pid: 1 }]],
    ['a case that was not asked for', [hello, start('s/c')]],
    ['a case that starts twice', [hello, start('s/a'), end('s/a'), start('s/a')]],
    ['two cases at a time', [hello, start('s/a'), start('s/b')]],
    ['the end of another case', [hello, start('s/a'), end('s/b')]],
    ['an end without a start', [hello, end('s/a')]],
    ['bye while a case runs', [hello, start('s/a'), bye]],
    ['a catalogue that nobody asked for', [hello, { event: 'catalogue', cases: [] }]],
  ])('refuses %s', (_, events) => {
    expect(() => { feed(events) }).toThrow(invalid)
  })
})
