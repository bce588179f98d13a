import { expect } from 'vitest'
import { callLabRun } from '../lab-process.ts'
import { campaign } from './campaign.ts'

/** The cell that takes the least time: no device can be had in it. */
const CELL = ['--config', 'iommufd', '--machine', 'none']
const RUNS = 200

const verdicts = async (): Promise<readonly string[]> => {
  const { exitCode, stderr, results } = await callLabRun(CELL, { timeoutMs: 5 * 60_000 })
  expect(stderr).toBe('')
  expect(exitCode).toBe(0)
  return results?.cells.flatMap(({ cases }) => cases.map(({ id, outcome, because = '' }) => `${id}: ${outcome} ${because}`)) ?? []
}

let first: Promise<readonly string[]> | undefined

await campaign({
  name: 'the same verdicts again',
  items: Array.from({ length: RUNS }, (_, index) => ({ name: `run ${index + 1} of ${RUNS}` })),
  sample: 1,
  check: async () => {
    const reference = await (first ??= verdicts())
    expect(reference.length).toBeGreaterThan(20)
    expect(await verdicts()).toEqual(reference)
  },
})
