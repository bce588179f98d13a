import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diffRuns } from '../../../orchestrator/verdict/diff-runs.ts'
import { NOISE_FACTOR } from '../../../orchestrator/verdict/diff-times.ts'
import type { CaseResult, Outcome } from '../../../orchestrator/verdict/results.ts'
import { caseOf, cellOf, runOf } from './made-up-results.ts'

const timedCase = (measures: Readonly<Record<string, number>>, more: Partial<CaseResult> = {}): CaseResult => caseOf('a/x', 'pass', { timed: true, measures, ...more })
const diffOf = (was: CaseResult, is: CaseResult) => diffRuns(runOf([cellOf([was])]), runOf([cellOf([is])]))
const changesOf = (was: CaseResult, is: CaseResult) => diffOf(was, is).times.cells.flatMap(({ changes }) => changes)

describe('times of a case that is about times', () => {
  it('are slower or faster by a ratio, those that changed most first, and nothing else is different', () => {
    const diff = diffOf(timedCase({ mapUs: 10, unmapUs: 10, copyNs: 100 }), timedCase({ mapUs: 15, unmapUs: 2, copyNs: 300 }))
    expect(diff).toMatchObject({ worse: false, cells: [], counts: { broken: 0, changed: 0 } })
    expect(diff.times).toEqual({
      noiseFactor: NOISE_FACTOR, compared: 3, cells: [{
        id: 'noiommu/intel', changes: [
          { id: 'a/x', measure: 'unmapUs', was: 10, is: 2, ratio: 0.2 },
          { id: 'a/x', measure: 'copyNs', was: 100, is: 300, ratio: 3 },
          { id: 'a/x', measure: 'mapUs', was: 10, is: 15, ratio: 1.5 },
        ],
      }],
    })
  })

  it('that differ by no more than noise are the same', () => {
    for (const ratio of [NOISE_FACTOR, 1, 1 / NOISE_FACTOR]) expect(changesOf(timedCase({ mapUs: 8 }), timedCase({ mapUs: 8 * ratio }))).toEqual([])
    expect(changesOf(timedCase({ mapUs: 8 }), timedCase({ mapUs: 8.01 * NOISE_FACTOR }))).toHaveLength(1)
  })

  it('are compared when both runs have them and both cases passed', () => {
    expect(changesOf(timedCase({ mapUs: 1 }), timedCase({ unmapUs: 9 }))).toEqual([])
    for (const outcome of ['fail', 'timeout', 'crash'] satisfies Outcome[]) {
      expect(changesOf(timedCase({ mapUs: 1 }), timedCase({ mapUs: 9 }, { outcome }))).toEqual([])
      expect(changesOf(timedCase({ mapUs: 1 }, { outcome }), timedCase({ mapUs: 9 }))).toEqual([])
    }
  })

  it('of no length say nothing', () => {
    expect(changesOf(timedCase({ mapUs: 0 }), timedCase({ mapUs: 9 }))).toEqual([])
  })
})

it('the other figures of such a case are compared as those of any case, but for what is made of times', () => {
  const diff = diffOf(timedCase({ pages: 8, mapMostNsPerPage: 100, mapGrowthRatio: 1 }), timedCase({ pages: 9, mapMostNsPerPage: 900, mapGrowthRatio: 9 }))
  expect(diff.times.compared).toBe(0)
  expect(diff.cells.flatMap(({ differences }) => differences)).toMatchObject([{ change: 'changed', was: { measures: { pages: 8 } }, is: { measures: { pages: 9 } } }])
  expect(diff.cells[0]?.differences[0]?.was?.measures).toEqual({ pages: 8 })
})

it('times of other cases are not compared', () => {
  expect(diffOf(caseOf('a/x', 'pass', { measures: { copyMs: 1 } }), caseOf('a/x', 'pass', { measures: { copyMs: 100 } })).times).toMatchObject({ compared: 0, cells: [] })
})

const measures = fc.dictionary(fc.constantFrom('mapUs', 'unmapUs', 'callNs', 'waitMs', 'mapGrowthRatio'), fc.double({ min: 0, max: 1e9, noNaN: true }), { noNullPrototype: true })
const someCase = fc.record({ id: fc.constantFrom('a/1', 'a/2', 'a/3'), outcome: fc.constantFrom<Outcome>('pass', 'fail', 'timeout'), measures, timed: fc.boolean() })
  .map(({ id, outcome, timed, ...more }) => caseOf(id, outcome, { ...more, ...(timed ? { timed } : {}) }))
const someRun = fc.uniqueArray(fc.constantFrom('none', 'intel', 'virtio')).chain((machines) => fc.tuple(...machines.map((machine) =>
  fc.uniqueArray(someCase, { selector: ({ id }) => id }).map((cases) => cellOf(cases, { id: `debian/noiommu/${machine}`, machine }))))).map((cells) => runOf(cells))

describe('whatever two runs took', () => {
  it('a run is neither slower nor faster than itself', () => {
    fc.assert(fc.property(someRun, (run) => { expect(diffRuns(run, run)).toMatchObject({ cells: [], worse: false, times: { cells: [] } }) }))
  })

  it('what is slower one way is faster the other way, by as much', () => {
    fc.assert(fc.property(someRun, someRun, (a, b) => {
      const [there, back] = [[a, b], [b, a]].map(([from, to]) => diffRuns(from ?? a, to ?? b).times.cells.flatMap(({ id, changes }) =>
        changes.map((change) => ({ at: `${id} ${change.id} ${change.measure}`, ratio: change.ratio }))))
      for (const { at, ratio } of there ?? []) {
        const other = back?.find((change) => change.at === at)
        // The last digit decides at the edge of the noise.
        if (Math.abs(Math.max(ratio, 1 / ratio) / NOISE_FACTOR - 1) > 1e-9) expect((other?.ratio ?? 0) * ratio).toBeCloseTo(1)
      }
    }))
  })

  it('times alone make nothing worse', () => {
    fc.assert(fc.property(someRun, (run) => {
      const slower = { ...run, cells: run.cells.map((cell) => ({ ...cell, cases: cell.cases.map((one) => ({ ...one, measures: Object.fromEntries(Object.entries(one.measures ?? {}).map(([name, value]) => [name, value * 7])) })) })) }
      expect(diffRuns(run, slower)).toMatchObject({ cells: [], worse: false })
    }))
  })
})
