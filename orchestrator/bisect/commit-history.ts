import type { ResolvedConfig } from '../config/resolved-config.ts'
import { cleanLine } from '../host/clean-text.ts'
import { yours } from '../host/errors.ts'
import { openRepository, type GitRepository } from '../kernel/git-repository.ts'
import type { Tools } from '../toolbox/tools.ts'
import type { History } from './first-bad.ts'
import type { LabState } from './lab-state.ts'

export interface CommitEnds {
  /** The user's repository. */
  readonly dir: string
  readonly good: string
  readonly bad: string
}

/**
 * The commits between two of a repository, merges included; which one to judge next is asked of git, and nothing is written to the repository.
 * Throws yours/NOT_A_REPOSITORY, NO_SUCH_REF, NOT_AN_ANCESTOR.
 */
export const commitHistory = async (config: ResolvedConfig, ends: CommitEnds, tools: Tools, signal: AbortSignal): Promise<History> => {
  const repository = await openRepository(ends.dir, tools, signal)
  const [good, bad] = [await repository.commitOf(ends.good), await repository.commitOf(ends.bad)]
  if (good === bad || await repository.ask(['rev-list', '--max-count=1', good, `^${bad}`]) !== '') {
    throw yours('NOT_AN_ANCESTOR', `${ends.bad} does not come after ${ends.good}`, { hint: `the good commit must be an ancestor of the bad one: git -C ${ends.dir} merge-base ${ends.good} ${ends.bad}` })
  }
  const stateAt = async (commit: string): Promise<LabState> => ({
    id: commit,
    title: `${commit.slice(0, 12)} ${cleanLine(await repository.ask(['log', '-1', '--format=%s', commit]), 120)}`,
    config: { ...config, kernels: [{ name: 'tree', source: { kind: 'git', dir: ends.dir, ref: commit }, patches: [] }] },
  })
  return {
    of: 'commits',
    good: await stateAt(good),
    bad: await stateAt(bad),
    next: async (judged) => {
      const of = (verdict: string) => judged.filter((state) => state.verdict === verdict).map(({ id }) => id)
      const worst = of('bad').at(-1) ?? bad
      const commits = await middleFirst(repository, worst, [good, ...of('good')])
      const others = commits.filter((commit) => commit !== worst)
      const [next] = others.filter((commit) => !of('skip').includes(commit))
      if (next !== undefined) return { kind: 'judge', state: await stateAt(next), left: commits.length }
      return others.length === 0
        ? { kind: 'found', state: await stateAt(worst) }
        : { kind: 'undecided', states: await Promise.all(commits.map(stateAt)) }
    },
  }
}

/** All commits that may be the first bad one; first the one that halves them best. */
const middleFirst = async (repository: GitRepository, bad: string, good: readonly string[]): Promise<readonly string[]> =>
  (await repository.ask(['rev-list', '--bisect-all', bad, ...good.map((commit) => `^${commit}`)])).split('\n').flatMap((line) => line.split(' ')[0] ?? [])
