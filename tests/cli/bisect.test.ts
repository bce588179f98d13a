import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commitHistory } from '../../orchestrator/bisect/commit-history.ts'
import type { JudgedState, StateVerdict } from '../../orchestrator/bisect/lab-state.ts'
import { debian, defineLab, edu } from '../../orchestrator/config/define-lab.ts'
import { resolveConfig } from '../../orchestrator/config/resolve-config.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { callLab, temporaryDir } from '../lab-process.ts'

/** The question of a bisect, asked of a real repository and of the real command line; guests answer it in tests/vm/bisect.test.ts. */
const signal = new AbortController().signal
let tools: OpenedTools
beforeAll(async () => {
  tools = await openTools('toolbox', { notice: () => undefined, signal })
})
afterAll(() => tools[Symbol.asyncDispose]())

const config = resolveConfig(defineLab({
  kernels: { debian: { source: debian('linux-source-*') } }, configs: { cdev: ['cdev'] }, machines: { none: { devices: [edu()] } },
}), 'lab.config.ts', '/lab')

/** c1 - c2 - c3 ------ merge - c4, with s1 - s2 beside c2 and c3. */
const repository = async () => {
  const dir = await temporaryDir()
  const git = async (...args: readonly string[]) => (await execa('git', ['-C', dir.path, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args])).stdout
  const commit = async (name: string) => {
    await git('commit', '-q', '--allow-empty', '-m', name)
    await git('tag', name)
  }
  await git('init', '-q', '-b', 'main')
  await commit('c1')
  await git('branch', 'side')
  for (const name of ['c2', 'c3']) await commit(name)
  await git('checkout', '-q', 'side')
  for (const name of ['s1', 's2']) await commit(name)
  await git('checkout', '-q', 'main')
  await git('merge', '-q', '--no-ff', '-m', 'merge', 'side')
  await git('tag', 'merge')
  await commit('c4')
  return { dir: dir.path, git, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() }
}

/** Subjects of what is found, judging by the subject. */
const searched = async (dir: string, verdict: (subject: string) => StateVerdict) => {
  const history = await commitHistory(config, { dir, good: 'c1', bad: 'c4' }, tools, signal)
  const judged: JudgedState[] = []
  for (;;) {
    const next = await history.next(judged)
    const subjectOf = (title: string) => title.slice(13)
    if (next.kind === 'found') return { found: [subjectOf(next.state.title)], judged: judged.length }
    if (next.kind === 'undecided') return { found: next.states.map(({ title }) => subjectOf(title)).toSorted(), judged: judged.length }
    const { id, title } = next.state
    expect(next.state.config.kernels).toEqual([{ name: 'tree', source: { kind: 'git', dir, ref: id }, patches: [] }])
    judged.push({ id, title, because: '', verdict: verdict(subjectOf(title)) })
  }
}

describe('the commits between two', () => {
  const AFTER: Readonly<Record<string, readonly string[]>> = {
    c2: ['c2', 'c3', 'merge', 'c4'], c3: ['c3', 'merge', 'c4'], s1: ['s1', 's2', 'merge', 'c4'], s2: ['s2', 'merge', 'c4'], merge: ['merge', 'c4'], c4: ['c4'],
  }

  test('any of them is found, on both sides of a merge, and the repository stays as it is', async () => {
    await using repo = await repository()
    const before = await repo.git('for-each-ref')
    for (const [first, bad] of Object.entries(AFTER)) {
      const { found, judged } = await searched(repo.dir, (subject) => (bad.includes(subject) ? 'bad' : 'good'))
      expect(found).toEqual([first])
      expect(judged).toBeLessThanOrEqual(4)
    }
    expect(await repo.git('for-each-ref')).toBe(before)
    expect(await repo.git('status', '--porcelain')).toBe('')
  })

  test('those that cannot be judged are told when the answer hides among them', async () => {
    await using repo = await repository()
    expect((await searched(repo.dir, (subject) => (['c2', 'c3'].includes(subject) ? 'skip' : ['merge', 'c4'].includes(subject) ? 'bad' : 'good'))).found).toEqual(['c2', 'c3', 'merge'])
    expect((await searched(repo.dir, (subject) => (subject === 's1' ? 'skip' : AFTER['c3']?.includes(subject) === true ? 'bad' : 'good'))).found).toEqual(['c3'])
  })

  test('a good one that does not come before the bad one is refused', async () => {
    await using repo = await repository()
    for (const [good, bad] of [['c4', 'c1'], ['c1', 'c1'], ['s1', 'c3']] as const) {
      await expect(commitHistory(config, { dir: repo.dir, good, bad }, tools, signal)).rejects.toMatchObject({ kind: 'yours', code: 'NOT_AN_ANCESTOR' })
    }
    await expect(commitHistory(config, { dir: repo.dir, good: 'v9', bad: 'c1' }, tools, signal)).rejects.toMatchObject({ code: 'NO_SUCH_REF' })
  })
})

test('a question that is none is refused on one screen, before anything starts', async () => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'page.html'), '<html>')
  for (const [args, words] of [
    [[], /nothing to bisect between/],
    [['--good', 'a', '--bad', 'b'], /searched for in --tree/],
    [['--tree', '.', '--good', 'a'], /between --good and --bad/],
    [['--config', 'a', 'b', 'c'], /one config, or two/],
    [['--config', 'noiommu', 'iommufd', '--patch', 'x'], /looks for one thing/],
    [['--config', 'noiommu', 'iomufd'], /no config iomufd.*iommufd/s],
    [['--config', 'noiommu', './none.config'], /there is no file/],
    [['--patch', 'page.html'], /page of HTML/],
    [['--kernel', 'debain', '--patch', 'page.html'], /no kernel debain.*debian/s],
  ] as const) {
    const { exitCode, stderr } = await callLab(['bisect', ...args], { cwd: dir.path })
    expect(stderr).toMatch(words)
    expect(stderr.split('\n').length).toBeLessThan(8)
    expect(exitCode).toBe(2)
  }
})
