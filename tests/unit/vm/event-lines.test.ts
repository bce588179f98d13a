import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AgentEvent, MAX_EVENT_BYTES } from '../../../guest-agent/protocol.ts'
import { LabError } from '../../../orchestrator/host/errors.ts'
import { eventLines } from '../../../orchestrator/vm/event-lines.ts'

const read = async (chunks: Iterable<Buffer>): Promise<readonly AgentEvent[]> => Array.fromAsync(eventLines(Readable.from(chunks, { objectMode: false })))

const refusal = async (chunks: Iterable<Buffer>): Promise<LabError> => {
  const error: unknown = await read(chunks).catch((cause: unknown) => cause)
  if (!(error instanceof LabError)) throw new Error(`no LabError: ${String(error)}`)
  expect(error).toMatchObject({ kind: 'lab', code: 'AGENT_OUTPUT_INVALID' })
  return error
}

const event: fc.Arbitrary<AgentEvent> = fc.oneof(
  fc.record({ event: fc.constant('note' as const), text: fc.string({ unit: 'grapheme' }) }),
  fc.record({ event: fc.constant('case-start' as const), id: fc.stringMatching(/^[a-z-]{1,9}\/[a-z-]{1,9}$/) }),
  fc.record({ event: fc.constant('bye' as const), ran: fc.nat() }),
  fc.record({
    event: fc.constant('case-end' as const),
    id: fc.constant('a/b'),
    outcome: fc.constantFrom('pass' as const, 'fail' as const, 'skip' as const, 'timeout' as const),
    durationMs: fc.nat(),
    measures: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), fc.nat(), { noNullPrototype: true }),
  }),
)

const cutAt = (bytes: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end)).filter((part) => part.length > 0)
}

describe('eventLines', () => {
  it('gives the events that were written, wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1 }), fc.array(fc.nat()), async (events, cuts) => {
        const bytes = Buffer.from(events.map((one) => `${JSON.stringify(one)}\n`).join(''))
        expect(await read(cutAt(bytes, cuts))).toEqual(events)
      }),
    )
  })

  it('refuses events without end, each of them a good one', async () => {
    const note = Buffer.from(`${JSON.stringify({ event: 'note', text: 'x'.repeat(30_000) })}\n`)
    const endless = function* () { for (;;) yield note }
    expect((await refusal(endless())).message).toMatch(/more than 64 MiB/)
  })

  it.each([
    ['words', 'Segmentation fault'],
    ['an empty line', ''],
    ['another JSON', '{"a":1}'],
    ['an unknown event', '{"event":"reboot"}'],
    ['a field too many', '{"event":"bye","ran":1,"verdict":"pass"}'],
    ['an unknown outcome', '{"event":"case-end","id":"a/b","outcome":"expected","durationMs":1}'],
    ['a time that is no number', '{"event":"case-end","id":"a/b","outcome":"pass","durationMs":"1"}'],
    ['an id that is a path', '{"event":"case-start","id":"../../etc/passwd"}'],
    ['a list of events', '[{"event":"bye","ran":1}]'],
  ])('refuses %s', async (_, line) => {
    await refusal([Buffer.from(`${line}\n`)])
  })

  it('shows what it refused without its escapes, and shortly', async () => {
    const error = await refusal([Buffer.from(`\u001b[2J\u001b]0;title\u0007red\u0000${'x'.repeat(5000)}\n`)])
    expect(error.message).toContain('red')
    expect(error.message.length).toBeLessThan(400)
    expect(Buffer.from(error.message).every((byte) => byte >= 0x20)).toBe(true)
  })

  it('ends a line of 100 MB after its first 64 KiB', async () => {
    let taken = 0
    const endless = function* () {
      for (; taken < 1600; taken += 1) yield Buffer.alloc(64 * 1024, 'x')
    }
    await refusal(endless())
    expect(taken).toBeLessThan(20)
  })

  it('takes a line of exactly the limit and refuses one byte more', async () => {
    const empty = JSON.stringify({ event: 'note', text: '' }).length
    const line = (bytes: number) => Buffer.from(`${JSON.stringify({ event: 'note', text: '' })}${' '.repeat(bytes - empty)}\n`)
    expect(await read([line(MAX_EVENT_BYTES)])).toHaveLength(1)
    await refusal([line(MAX_EVENT_BYTES + 1)])
  })
})
