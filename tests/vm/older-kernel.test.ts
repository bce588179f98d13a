import { afterAll, expect } from 'vitest'
import { differencesOf, explainedIn, explainingHunks, hunkProblem } from '../kernel-differences/explained.ts'
import { callLabRun } from '../lab-process.ts'
import { campaign } from './campaign.ts'
import { kernelTree } from './kernel-tree.ts'

/** On 7.2 what it lacks is planned as absent with its reason, or asserted; nothing is skipped silently. */
const tree = await kernelTree('linux-source-7.2')
const newer = await kernelTree('linux-source-7.3')
afterAll(async () => {
  await newer[Symbol.asyncDispose]()
  await tree[Symbol.asyncDispose]()
})
const hunks = await explainingHunks('7.2-to-7.3')

await campaign({
  name: 'the 7.2 source',
  items: ['noiommu', 'no-container', 'iommufd'].map((name) => ({ name })),
  sample: 1,
  check: async ({ name: config }) => {
    const { exitCode, results, stderr } = await callLabRun(['--tree', tree.dir, '--config', config])
    expect(stderr).toBe('')
    expect(results?.cells.map(({ id, status, because }) => `${id}: ${status}${because === undefined ? '' : `: ${because}`}`)).toEqual(results?.cells.map(({ id }) => `${id}: ok`))
    expect(results?.cells.flatMap(({ id, cases }) => cases.filter(({ unexpected }) => unexpected).map((one) => `${id}: ${one.id}: ${one.message ?? ''}`))).toEqual([])
    expect(exitCode).toBe(0)
    expect(results?.summary).toMatchObject({ cells: 4, unexpected: 0, skip: 0, planned: results?.summary.ran })
    const ofGetPa = results?.cells.flatMap(({ absent }) => absent).filter(({ because }) => because.includes('IOMMU_IOAS_NOIOMMU_GET_PA'))
    expect(ofGetPa).not.toEqual([])
    if (config === 'no-container') {
      expect(results?.cells.flatMap(({ configNotAsked }) => configNotAsked.map(({ symbol, where }) => `${symbol} where ${where}`)))
        .toContain('VFIO_NOIOMMU where IOMMUFD_NOIOMMU')
    }

    // Held against 7.3, it differs in what hunks between the trees explain, and in nothing else.
    const of73 = await callLabRun(['--tree', newer.dir, '--config', config])
    expect(of73.exitCode).toBe(0)
    if (results === undefined || of73.results === undefined) throw new Error('both have results')
    expect(differencesOf(results, of73.results)).toEqual(explainedIn(hunks, config))
    expect(await Promise.all(hunks.map((hunk) => hunkProblem(hunk, tree.dir, newer.dir)))).toEqual(hunks.map(() => undefined))
  },
})
