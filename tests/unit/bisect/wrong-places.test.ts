import { expect, test } from 'vitest'
import { turnedPlaces, verdictOf } from '../../../orchestrator/bisect/wrong-places.ts'
import type { CaseResult, CellResult, Results } from '../../../orchestrator/verdict/results.ts'

const caseOf = (id: string, outcome: CaseResult['outcome']): CaseResult =>
  ({ id, suite: 's', outcome, expected: 'pass', unexpected: outcome !== 'pass', durationMs: 1, attempts: [], ...(outcome === 'pass' ? {} : { message: `${id} says no\nand more` }) })

const cell = (machine: string, status: CellResult['status'], cases: readonly CaseResult[] = []): CellResult => ({
  id: `tree/noiommu/${machine}`, kernel: { name: 'tree', release: '7.3', patches: [] }, config: 'noiommu', machine, status, because: `${status}, alas`,
  timings: { buildMs: 0, bootMs: 0, agentReadyMs: 0, casesMs: 0 }, splats: [], absent: [], qemu: '', configLost: [], configNotAsked: [], cases,
})

const run = (...cells: readonly CellResult[]): Results => {
  const cases = cells.flatMap((each) => each.cases)
  const count = (outcome: string) => cases.filter((each) => each.outcome === outcome).length
  return {
    schemaVersion: 1, id: 'r', startedAt: '', durationMs: 1, accel: { used: 'tcg', because: '' }, interrupted: false, excluded: [], versions: {}, cells,
    summary: { cells: cells.length, planned: cases.length, ran: cases.length, pass: count('pass'), fail: count('fail'), skip: 0, timeout: 0, crash: count('crash'), unexpected: cases.length - count('pass') },
  }
}

const good = run(cell('intel', 'failed', [caseOf('a', 'pass'), caseOf('old', 'fail')]), cell('virtio', 'ok', [caseOf('a', 'pass')]))
const bad = run(cell('intel', 'failed', [caseOf('a', 'crash'), caseOf('old', 'fail')]), cell('virtio', 'boot-failed'))
const places = turnedPlaces(good, bad)

test('what is followed is wrong in the bad end only', () => {
  expect(places).toEqual([{ config: 'noiommu', machine: 'intel', case: 'a' }, { config: 'noiommu', machine: 'virtio', case: null }])
  expect(turnedPlaces(bad, bad)).toEqual([])
})

test('any of it makes a state bad, however it shows; what was wrong before does not', () => {
  expect(verdictOf(run(cell('intel', 'failed', [caseOf('a', 'fail')])), places)).toEqual({ verdict: 'bad', because: 'noiommu/intel a: fail: a says no' })
  expect(verdictOf(run(cell('virtio', 'boot-failed')), places)).toMatchObject({ verdict: 'bad' })
  expect(verdictOf(run(cell('intel', 'failed', [caseOf('a', 'pass'), caseOf('old', 'fail')])), places)).toMatchObject({ verdict: 'good' })
})

test('a cell that never came to its cases tells nothing', () => {
  expect(verdictOf(run(cell('intel', 'build-failed')), places)).toEqual({ verdict: 'skip', because: 'noiommu/intel: build-failed: build-failed, alas' })
  expect(verdictOf(run(cell('intel', 'boot-failed')), places)).toMatchObject({ verdict: 'skip' })
})

test('a cell that complains between its cases is a place of its own', () => {
  expect(turnedPlaces(run(cell('intel', 'ok')), run(cell('intel', 'failed', [caseOf('a', 'pass')])))).toEqual([{ config: 'noiommu', machine: 'intel', case: null }])
})
