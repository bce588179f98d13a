import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { namingFullDisk } from '../host/disk-full.ts'
import { lock } from '../host/lock.ts'
import { fetchCommit } from './git-mirror.ts'
import { openRepository, type GitRepository } from './git-repository.ts'
import type { OpenedSource, PreparedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { slotNameOf, sourceSlot } from './source-slot.ts'
import { openTreeSource } from './tree-source.ts'

interface Checkout {
  readonly repository: GitRepository
  readonly commit: string
  /** Beside the slot that is built from: files of the commit, and the index that git needs to bring them forward. */
  readonly folder: string
  readonly lockFile: string
}

/**
 * A commit of a repository on this host. Its files are checked out into the cache with an index of the lab's own: from commit to commit only
 * what differs is written. From there on it is a tree like any other.
 */
export const openGitSource = (dir: string, ref: string, context: SourceContext): Promise<OpenedSource> =>
  openCommit(dir, ref, (version) => ({ kind: 'git', dir, ref, version }), context)

/** The same of a repository on the network, from the mirror of it. */
export const openRemoteSource = async (url: string, ref: string, context: SourceContext): Promise<OpenedSource> => {
  const { dir, commit } = await fetchCommit(url, ref, context)
  return openCommit(dir, commit, (version) => ({ kind: 'git-url', url, ref, version }), context)
}

const openCommit = async (dir: string, ref: string, recordOf: (version: string) => SourceRecord, context: SourceContext): Promise<OpenedSource> => {
  const repository = await openRepository(dir, context.tools, context.signal)
  const commit = await repository.commitOf(ref)
  const { folder } = sourceSlot(slotNameOf('git', dir))
  const checkout: Checkout = { repository, commit, folder: `${folder}.checkout`, lockFile: `${folder}.checkout.lock` }
  await using _ = await checkedOut(checkout, context)
  const opened = await openTreeSource(join(checkout.folder, 'tree'), context)
  const record = (of: SourceRecord): SourceRecord => recordOf(`${of.version.replace(/ \(.*/, '')} (${commit.slice(0, 12)})`)
  return {
    record: record(opened.record),
    key: opened.key,
    prepare: async (configs): Promise<PreparedSource> => {
      // Another lab may have taken the checkout to another commit meanwhile.
      await using held = await checkedOut(checkout, context)
      const prepared = await (await openTreeSource(join(checkout.folder, 'tree'), context)).prepare(configs)
      return { ...prepared, record: record(prepared.record), [Symbol.asyncDispose]: () => prepared[Symbol.asyncDispose]() }
    },
  }
}

/** Locked, and at the commit, until disposed. */
const checkedOut = async ({ repository, commit, folder, lockFile }: Checkout, { signal, notice, onText }: SourceContext): Promise<AsyncDisposable> => {
  await mkdir(join(folder, 'tree'), { recursive: true })
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(lockFile, { signal, onWait: () => { notice(`another lab checks out a commit to ${folder}; waiting for it`) } }))
  onText(`checking out ${commit.slice(0, 12)}`)
  await namingFullDisk(`checking out ${commit.slice(0, 12)}`, folder, async () => {
    // --reset: a checkout that was killed in the middle is mended.
    await repository.ask([`--work-tree=${join(folder, 'tree')}`, 'read-tree', '--reset', '-u', commit], {
      write: [folder], env: { GIT_INDEX_FILE: join(folder, 'index') },
    })
  })
  const held = stack.move()
  return { [Symbol.asyncDispose]: () => held.disposeAsync() }
}
