import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import type { CaseContext } from '../../../guest-agent/case/case-context.ts'
import { defineCase, suite } from '../../../guest-agent/case/define-case.ts'
import { equal } from '../../../guest-agent/case/expect.ts'
import { runCases } from '../../../guest-agent/case/run-cases.ts'
import type { AgentEvent } from '../../../guest-agent/protocol.ts'
import { EventFd } from '../../../guest-agent/sys/eventfd.ts'
import { loadLibc } from '../../../guest-agent/sys/libc.ts'
import { Memory, openMappings } from '../../../guest-agent/sys/memory.ts'

const AGENT = join(import.meta.dirname, '../../../guest-agent')

beforeAll(loadLibc)

const FACTS = { config: { IOMMUFD: 'y', VFIO: 'm', NAME: '"text"' }, uapi: ['IOMMU_IOAS_MAP'], iommu: [], devices: [], topology: [] }

type Run = (lab: CaseContext) => Promise<void> | void

const outcomes = async (...runs: readonly Run[]) => {
  const events: AgentEvent[] = []
  const marks: string[] = []
  const cases = suite('test', runs.map((run, index) =>
    defineCase({ name: `case-${index}`, title: '', covers: { ioctls: [], sources: [] }, timeoutMs: 100, run })))
  const circumstances = { facts: FACTS, devices: [], timeoutScale: 1, mark: (line: string) => { marks.push(line) } }
  const ran = await runCases(cases, circumstances, (event) => { events.push(event) })
  const ends = events.filter((event) => event.event === 'case-end')
  return { events, marks, ran, ends }
}

test('every case is a start and an end, among the events and on the console', async () => {
  const { events, marks, ran } = await outcomes(() => undefined, () => undefined)
  expect(ran).toBe(2)
  expect(events.map(({ event }) => event)).toEqual(['case-start', 'case-end', 'case-start', 'case-end'])
  expect(marks).toEqual(['start', 'end', 'start', 'end'].map((edge, at) => `vfio-lab: case ${edge} test/case-${Math.floor(at / 2)}`))
})

test('pass, fail with the place, and skip', async () => {
  const { ends } = await outcomes(() => undefined, () => { equal(1, 2, 'count') }, (lab) => lab.skip('not here'))
  expect(ends.map(({ outcome }) => outcome)).toEqual(['pass', 'fail', 'skip'])
  expect(ends[1]?.message).toBe('count: 2 expected, got 1')
  expect(ends[2]?.message).toBe('not here')
})

test('a case that leaves a descriptor open fails, and the next one starts clean', async () => {
  const { ends } = await outcomes(() => { new EventFd('left') }, () => undefined)
  expect(ends[0]?.outcome).toBe('fail')
  expect(ends[0]?.message).toMatch(/^it left behind: fd \d+ \(anon_inode:\[eventfd\]\) is still open$/)
  expect(ends[1]?.outcome).toBe('pass')
})

test('a case that leaves memory mapped fails, and the memory is taken away', async () => {
  const before = openMappings().length
  const { ends } = await outcomes(() => { Memory.pages(8192) })
  expect(ends[0]).toMatchObject({ outcome: 'fail', message: 'it left behind: 8192 bytes of memory is still mapped' })
  expect(openMappings()).toHaveLength(before)
})

test('what a case gave to the lab is taken down last first, however it ends', async () => {
  const order: string[] = []
  const { ends } = await outcomes((lab) => {
    lab.use(new EventFd())
    lab.defer(() => { order.push('first') })
    lab.defer(async () => { await setTimeout(1); order.push('second') })
    throw new Error('broken')
  })
  expect(order).toEqual(['second', 'first'])
  expect(ends[0]).toMatchObject({ outcome: 'fail', message: 'Error: broken' })
})

test('an error while a case is taken down fails it', async () => {
  const { ends } = await outcomes((lab) => { lab.defer(() => { throw new Error('stuck') }) })
  expect(ends[0]).toMatchObject({ outcome: 'fail', message: 'while it was taken down: Error: stuck' })
})

test('a case that takes too long is a timeout, whether it listens, ignores its signal or blocks', async () => {
  const { ends } = await outcomes(
    (lab) => setTimeout(60_000, undefined, { signal: lab.signal }),
    () => new Promise(() => undefined),
    () => { for (const end = performance.now() + 150; performance.now() < end;); },
    () => undefined,
  )
  expect(ends.map(({ outcome }) => outcome)).toEqual(['timeout', 'timeout', 'timeout', 'pass'])
  expect(ends[0]?.message).toBe('did not end within 100 ms')
})

test('measures and notes travel with the case', async () => {
  const { ends, events } = await outcomes((lab) => {
    lab.measure('copyMs', 1.5)
    lab.note('seen')
  })
  expect(ends[0]?.measures).toEqual({ copyMs: 1.5 })
  expect(events).toContainEqual({ event: 'note', text: 'test/case-0: seen' })
})

test('the facts of the cell answer in words', async () => {
  const { ends } = await outcomes((lab) => {
    expect([lab.config('IOMMUFD'), lab.config('VFIO'), lab.config('NAME'), lab.config('OTHER')]).toEqual([true, true, false, false])
    expect([lab.defines('IOMMU_IOAS_MAP'), lab.defines('IOMMU_OTHER'), lab.hasIommu, lab.hasCdev]).toEqual([true, false, false, false])
    expect(() => lab.device('edu')).toThrow('no device on this machine is edu')
  })
  expect(ends[0]?.message).toBeUndefined()
})

test('a promise that was rejected and that nobody awaited fails its case and not the agent', async () => {
  // In a process of its own: this one has vitest's own handler.
  const script = `
    const { runCases } = await import('${AGENT}/case/run-cases.ts')
    const { loadLibc } = await import('${AGENT}/sys/libc.ts')
    await loadLibc()
    const info = (id) => ({ id, suite: 'a', title: '', needs: {}, covers: { ioctls: [], sources: [] }, timeoutMs: 1000, provokes: [] })
    const cases = [
      { info: info('a/stray'), run: async () => { await null; void Promise.reject(new Error('lost')) } },
      { info: info('a/next'), run: () => undefined },
    ]
    const facts = { config: {}, uapi: [], iommu: [], devices: [], topology: [] }
    await runCases(cases, { facts, devices: [], timeoutScale: 1, mark: () => undefined }, (event) => { if (event.event === 'case-end') console.log(event.outcome, event.message) })
  `
  const { stdout } = await execa(process.execPath, ['--no-warnings', '--input-type=module', '--eval', script])
  expect(stdout.split('\n')).toEqual(['fail it left behind: an error that nobody caught: lost', 'pass undefined'])
})
