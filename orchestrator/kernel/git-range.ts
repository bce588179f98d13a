import { yours } from '../host/errors.ts'
import type { Tools } from '../toolbox/tools.ts'
import { openRepository } from './git-repository.ts'
import type { KernelPatch } from './kernel-input.ts'
import { parsePatchFile, seriesOf } from './patch-series.ts'

export interface GitRange {
  /** The commit that the range begins after. */
  readonly base: string
  readonly patches: readonly KernelPatch[]
}

/**
 * The commits of `A..B` in a git tree, as patches on A. Throws LabError yours: NOT_A_REPOSITORY, NO_SUCH_REF, BAD_RANGE, RANGE_EMPTY,
 * RANGE_MERGES, and TREE_DIRTY when the tree has changes that no commit holds: they would silently not be judged.
 */
export const readRange = async (dir: string, range: string, tools: Tools, signal: AbortSignal): Promise<GitRange> => {
  const [, from, to] = /^([^.\s](?:[^\s]*?[^.\s])?)\.\.([^.\s][^\s]*)?$/.exec(range) ?? []
  if (from === undefined) throw yours('BAD_RANGE', `--range ${range} is no range`, { hint: 'two commits, like v7.2..HEAD: those after the first, up to the second' })
  const { ask, commitOf } = await openRepository(dir, tools, signal)
  const [base, tip] = [await commitOf(from), await commitOf(to ?? 'HEAD')]
  const dirty = (await ask(['status', '--porcelain', '--untracked-files=no'])).split('\n').filter((line) => line !== '')
  if (dirty.length > 0) {
    throw yours('TREE_DIRTY', `${dir} has changes that are in no commit: ${dirty.slice(0, 3).map((line) => line.slice(3)).join(', ')}${dirty.length > 3 ? ', ...' : ''}`, {
      hint: '--range judges commits only: commit or stash them, or judge the tree as it is without --range',
    })
  }
  const merges = await ask(['rev-list', '--merges', `${base}..${tip}`])
  if (merges !== '') throw yours('RANGE_MERGES', `${range} holds merges, which are no patches`, { hint: 'say a range without merges, or judge both ends as kernels of lab.config.ts with git()' })
  const mbox = await ask(['format-patch', '--stdout', '--no-signature', '--no-stat', '--full-index', '--binary', '--no-renames', '--no-color', '--no-ext-diff', '--src-prefix=a/', '--dst-prefix=b/', '--numbered', `${base}..${tip}`])
  if (mbox === '') throw yours('RANGE_EMPTY', `${range} holds no commit`, { hint: 'the first commit comes before the second: A..B are those after A, up to B' })
  return { base, patches: seriesOf(range, [parsePatchFile(range, Buffer.from(`${mbox}\n`, 'utf8').toString('latin1'))]) }
}
