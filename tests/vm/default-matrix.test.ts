import { expect, test } from 'vitest'
import { holesOf } from '../../orchestrator/coverage/ioctl-coverage.ts'
import { runCoverage } from '../../orchestrator/coverage/run-coverage.ts'
import type { CellResult } from '../../orchestrator/verdict/results.ts'
import { callLabRun } from '../lab-process.ts'

/** Of the default matrix. */
let matrix: readonly CellResult[] = []

/** What only other configs, machines and suites show. */
const ON_REQUEST = [
  ['--config', 'noiommu', '--machine', '{intel-svm,intel-unsafe,intel-ats,more-devices,vfio-user,places}'],
  ['--config', 'legacy', '--machine', '{none,intel}'],
  ['--config', 'mdev', '--machine', 'none', '--suite', 'mdev-*'],
  ['--config', 'noiommu', '--machine', '{amd,exhaustion}', '--suite', 'exhaustion'],
] as const

test('the default matrix: twelve cells, every planned case ran, every verdict as expected; then nothing is built again', async () => {
  const first = await callLabRun([], { timeoutMs: 40 * 60_000 })
  expect(first.stderr).toBe('')
  expect(first.results?.cells.filter(({ status }) => status !== 'ok').map(({ id, status, because }) => `${id}: ${status}: ${because ?? ''}`)).toEqual([])
  expect(first.results?.cells.flatMap(({ cases }) => cases.filter(({ unexpected }) => unexpected).map(({ id, message }) => `${id}: ${message ?? ''}`))).toEqual([])
  expect(first.exitCode).toBe(0)
  matrix = first.results?.cells ?? []
  expect(first.results?.summary).toMatchObject({ cells: 12, unexpected: 0, skip: 0, planned: first.results?.summary.ran })
  const different = new Set(first.results?.cells.flatMap(({ cases }) => cases.map(({ id }) => id)))
  expect(different.size).toBeGreaterThanOrEqual(70)
  // In a cell that can have no VFIO device, somebody looks that none appears.
  const deviceless = first.results?.cells.find(({ id }) => id.endsWith('/iommufd/none'))
  expect(deviceless?.cases.map(({ id }) => id).filter((id) => id.startsWith('nodes/'))).not.toEqual([])
  // What a cell cannot have is said, with its reason.
  expect(first.results?.cells.flatMap(({ absent }) => absent).every(({ because }) => because.length > 0)).toBe(true)

  const second = await callLabRun(['--config', 'noiommu', '--machine', 'none'], { timeoutMs: 5 * 60_000 })
  expect(second.exitCode).toBe(0)
  expect(second.results?.cells.map(({ timings }) => timings.buildMs)).toEqual([0])
}, 45 * 60_000)

test.runIf(process.env['LAB_TEST_FULL'] === '1')('every refusal that is known of an ioctl comes in the matrix or in a cell on request, or has its reason why it cannot, and no other comes', async () => {
  const cells = [...matrix]
  for (const flags of ON_REQUEST) {
    const { results } = await callLabRun([...flags], { timeoutMs: 40 * 60_000 })
    expect.soft(results?.cells.filter(({ status }) => status !== 'ok').map(({ id, because }) => `${id}: ${because ?? ''}`)).toEqual([])
    cells.push(...results?.cells ?? [])
  }
  const holes = runCoverage(cells).flatMap((row) => holesOf(row).map((hole) => `${row.ioctl}: ${hole}`))
  expect(holes).toEqual([])
}, 120 * 60_000)
