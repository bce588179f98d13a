import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JudgedState, StateVerdict } from '../../../orchestrator/bisect/lab-state.ts'
import { patchHistory } from '../../../orchestrator/bisect/patch-history.ts'
import { resolveConfig } from '../../../orchestrator/config/resolve-config.ts'
import { debian, defineLab, edu } from '../../../orchestrator/config/define-lab.ts'

const config = resolveConfig(defineLab({
  kernels: { debian: { source: debian('linux-source-*') } }, configs: { cdev: ['cdev'] }, machines: { none: { devices: [edu()] } },
}), 'lab.config.ts', '/lab')

const historyOf = (count: number) => {
  const [kernel] = config.kernels
  if (kernel === undefined) throw new Error('it has one')
  return patchHistory(config, kernel, Array.from({ length: count }, (_, index) => ({ title: `step ${index + 1}`, text: `${index + 1}` })))
}

/** Judges until the end as `verdict` says of a number of applied patches. */
const searched = async (count: number, verdict: (applied: number) => StateVerdict) => {
  const history = historyOf(count)
  const judged: JudgedState[] = []
  for (;;) {
    const next = await history.next(judged)
    if (next.kind !== 'judge') return { next, judged }
    const { id, title } = next.state
    judged.push({ id, title, because: '', verdict: verdict(Number(id.replace('after-', ''))) })
  }
}

test('the first bad patch is found, with as many questions as halvings', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 60 }).chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count }))), async ([count, first]) => {
    const { next, judged } = await searched(count, (applied) => (applied >= first ? 'bad' : 'good'))
    expect(next).toMatchObject({ kind: 'found', state: { id: `after-${first}` } })
    expect(judged.length).toBeLessThanOrEqual(Math.ceil(Math.log2(count)))
  }))
})

test('states that cannot be judged are gone around; when they hide the answer, all that it may be is told', async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 2, max: 30 }).chain((count) => fc.tuple(fc.constant(count), fc.integer({ min: 1, max: count }), fc.subarray(Array.from({ length: count - 1 }, (_, index) => index + 1)))),
    async ([count, first, broken]) => {
      const { next, judged } = await searched(count, (applied) => (broken.includes(applied) ? 'skip' : applied >= first ? 'bad' : 'good'))
      expect(new Set(judged.map(({ id }) => id)).size).toBe(judged.length)
      const named = next.kind === 'found' ? [next.state] : next.states
      expect(named.map(({ id }) => id)).toContain(`after-${first}`)
      if (broken.length === 0) expect(next.kind).toBe('found')
    },
  ))
})

test('its states are the kernel with so many of the patches', async () => {
  const { good, bad, next } = historyOf(3)
  expect(good.config.kernels).toEqual(config.kernels)
  expect(bad.config.kernels).toMatchObject([{ name: 'debian+patched', patches: [{ text: '1' }, { text: '2' }, { text: '3' }] }])
  expect(await next([])).toMatchObject({ kind: 'judge', left: 3, state: { title: expect.stringMatching(/^patch [12] of 3 "step [12]"$/) as string } })
})
