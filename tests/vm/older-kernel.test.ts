import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { differencesOf, explainedIn, explainingHunks, hunkProblem } from '../kernel-differences/explained.ts'
import { callLabRun, temporaryDir } from '../lab-process.ts'
import { campaign } from './campaign.ts'
import { kernelTree } from './kernel-tree.ts'

/** On 7.2 what it lacks is planned as absent with its reason, or asserted; nothing is skipped silently. */
const tree = await kernelTree('linux-source-7.2')
afterAll(() => tree[Symbol.asyncDispose]())
const hunks = await explainingHunks('7.2-to-7.3')
const never = new AbortController().signal

/** The default lab on Debian's 7.3, which other tests have built; its source is there while the work is done. */
const on73 = async (config: string) => {
  await using dir = await temporaryDir()
  const lab = await readFile(join(import.meta.dirname, '..', '..', 'lab.config.ts'), 'utf8')
  await writeFile(join(dir.path, 'lab.config.ts'), lab.replace("debian('linux-source-*')", "debian('linux-source-7.3')"))
  return await callLabRun(['--config', config], { cwd: dir.path })
}
const problemsOfHunks = async () => {
  await using tools = await openTools('toolbox', { notice: () => undefined, signal: never })
  const opened = await openKernelSource({ kind: 'debian', packageGlob: 'linux-source-7.3' }, { tools, signal: never, notice: () => undefined, onText: () => undefined })
  await using source = await opened.prepare([])
  return await Promise.all(hunks.map((hunk) => hunkProblem(hunk, tree.dir, source.slot.tree)))
}

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
    const of73 = await on73(config)
    expect(of73.exitCode).toBe(0)
    if (results === undefined || of73.results === undefined) throw new Error('both have results')
    expect(differencesOf(results, of73.results)).toEqual(explainedIn(hunks, config))
    expect(await problemsOfHunks()).toEqual(hunks.map(() => undefined))
  },
})
