import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventLines } from '../../../guest-agent/case/event-lines.ts'
import { MAX_EVENT_BYTES } from '../../../guest-agent/protocol.ts'

test('a message is one line and bounded, whatever is in it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 9000 }), (message) => {
    const lines = eventLines({ event: 'case-end', id: 'a/b', outcome: 'fail', durationMs: 1, message })
    expect(lines).toHaveLength(1)
    expect(Buffer.byteLength(lines[0] ?? '')).toBeLessThan(MAX_EVENT_BYTES)
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1)
  }))
})

test('a short catalogue is one line', () => {
  expect(eventLines({ event: 'catalogue', cases: [] })).toEqual(['{"event":"catalogue","cases":[]}\n'])
})

test('a long catalogue is several events that together are it', () => {
  const cases = Array.from({ length: 700 }, (_, index) => ({
    id: `suite/case-${index}`, suite: 'suite', title: 'x'.repeat(200), needs: {}, covers: { ioctls: [], sources: [] }, timeoutMs: 1, provokes: [],
  }))
  const lines = eventLines({ event: 'catalogue', cases })
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_EVENT_BYTES)
  const events = lines.map((line) => z.object({ event: z.literal('catalogue'), cases: z.array(z.unknown()) }).parse(JSON.parse(line)))
  expect(events.flatMap((event) => event.cases)).toEqual(cases)
})
