import { describe, expect, it } from 'vitest'
import type { LabError } from '../../../orchestrator/host/errors.ts'
import { multiplexer } from '../../../orchestrator/report/multiplexer.ts'
import type { Reporter } from '../../../orchestrator/report/reporter.ts'
import { fakeRun } from './fake-run.ts'

const counting = (): Reporter & { events: number; ends: number } => ({
  name: 'counting', events: 0, ends: 0,
  onEvent() { this.events += 1 },
  onEnd() { this.ends += 1 },
})

const events = fakeRun()

describe('the multiplexer', () => {
  it('survives a reporter that throws and tells of it once', () => {
    const told: LabError[] = []
    const good = counting()
    const bad: Reporter = { name: 'events.ndjson', onEvent: () => { throw new Error('ENOSPC: no space left') }, onEnd: () => { throw new Error('again') } }
    const all = multiplexer([bad, good], (error) => { told.push(error) })
    for (const event of events) all.onEvent(event)
    all.onEnd()
    expect(good).toMatchObject({ events: events.length, ends: 1 })
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ kind: 'lab', code: 'REPORTER_FAILED', message: 'the report events.ndjson stopped: ENOSPC: no space left' })
    expect(all.failures).toEqual(told)
  })

  it('tells of one that fails at the end only, and ends the others', () => {
    const good = counting()
    const all = multiplexer([{ name: 'results.json', onEnd: () => { throw new Error('EROFS') } }, good], () => undefined)
    all.onEnd()
    expect(all.failures.map(({ message }) => message)).toEqual(['the report results.json stopped: EROFS'])
    expect(good.ends).toBe(1)
  })

  it('ends once, and then hears nothing more', () => {
    const reporter = counting()
    {
      using all = multiplexer([reporter], () => undefined)
      all.onEnd()
      for (const event of events) all.onEvent(event)
    }
    expect(reporter).toMatchObject({ events: 0, ends: 1 })
  })
})
