import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { namingFullDisk } from '../host/disk-full.ts'
import { yours } from '../host/errors.ts'
import { lock } from '../host/lock.ts'
import { whyNoKernelTree } from './kernel-tree-check.ts'
import type { OpenedSource, PreparedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { readMakefileVersion } from './makefile-version.ts'
import { bringForward } from './private-copy.ts'
import { seedSlot } from './seed-slot.ts'
import { readSnapshot, writeSnapshot } from './snapshot-file.ts'
import { slotNameOf, sourceSlot, type SourceSlot } from './source-slot.ts'
import { listTreeFiles } from './tree-files.ts'
import { contentKey, kconfigKey, takeSnapshot, type TreeSnapshot } from './tree-snapshot.ts'

/** A kernel tree of the user. It is only ever read: the lab builds from a private copy that it brings forward. */
export const openTreeSource = async (dir: string, context: SourceContext): Promise<OpenedSource> => {
  await checkKernelTree(dir)
  const tree = await realpath(dir)
  const slot = sourceSlot(slotNameOf('tree', tree))
  context.onText(`looking at ${tree}`)
  const key = contentKey(await look(tree, slot, context))
  return { record: await recordOf(dir, tree, key), key, prepare: (configs) => prepare(tree, dir, slot, configs, context) }
}

const checkKernelTree = async (dir: string): Promise<void> => {
  const because = await whyNoKernelTree(dir)
  if (because !== undefined) {
    throw yours('NOT_A_KERNEL_TREE', `${dir} is no kernel tree: ${because}`, { hint: 'give --tree the top folder of a Linux source tree' })
  }
}

/** `tree` holds what the key is of: the user's own folder, or the copy of it. */
const recordOf = async (dir: string, tree: string, key: string): Promise<SourceRecord> =>
  ({ kind: 'tree', dir, version: `${(await readMakefileVersion(tree))?.text ?? 'unknown'} (${key.slice(0, 12)})` })

/** Reads only what changed since anybody looked last; that is kept beside the slot. */
const look = async (tree: string, slot: SourceSlot, { tools, signal }: SourceContext): Promise<TreeSnapshot> => {
  const seenFile = `${slot.folder}.seen`
  return namingFullDisk(`looking at ${tree}`, slot.folder, async () => {
    const before = await readSnapshot(seenFile)
    const files = await withScratch(slot, (scratch) => listTreeFiles(tree, tools, scratch, signal))
    const { snapshot, read } = await readable(tree, () => takeSnapshot(tree, files, before, signal))
    if (read > 0 || snapshot.size !== before.size) await writeSnapshot(seenFile, snapshot)
    return snapshot
  })
}

const readable = async <T>(tree: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))) throw error
    throw yours('TREE_UNREADABLE', `${tree} has a file that may not be read: ${error.message}`, {
      hint: 'give yourself the right to read it', cause: error,
    })
  }
}

const withScratch = async <T>(slot: SourceSlot, work: (folder: string) => Promise<T>): Promise<T> => {
  const parent = `${slot.folder}.scratch`
  await mkdir(parent, { recursive: true })
  const scratch = await mkdtemp(join(parent, 'git-'))
  try {
    return await work(scratch)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

const TRIES = 3

const prepare = async (
  tree: string, dir: string, slot: SourceSlot, configs: readonly string[], context: SourceContext,
): Promise<PreparedSource> => {
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(slot.lockFile, {
    signal: context.signal,
    onWait: () => { context.notice(`another lab builds from ${dir}; waiting for it`) },
  }))
  if (!existsSync(slot.folder)) await seedSlot(slot, tree, configs, context)
  const copied = await whileThere(dir, () => copyStill(tree, slot, context))
  const key = contentKey(copied)
  const record = await recordOf(dir, slot.tree, key)
  const configKey = kconfigKey(copied)
  const held = stack.move()
  return { record, key, configKey, slot, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** A tree that is deleted meanwhile looks like one whose files were deleted: what was copied of it is no kernel. */
const whileThere = async <T>(dir: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } finally {
    // Its error goes before that of the work, which only shows a symptom.
    await checkKernelTree(dir)
  }
}

/** Copies until the tree held still for as long as that takes; resolves to what was copied. */
const copyStill = async (tree: string, slot: SourceSlot, context: SourceContext): Promise<TreeSnapshot> => {
  context.onText(`bringing the private copy of ${tree} forward`)
  for (let left = TRIES; left > 0; left--) {
    const wanted = await look(tree, slot, context)
    const { holds, wrote } = await namingFullDisk(`copying ${tree}`, slot.folder, async () => {
      await mkdir(slot.folder, { recursive: true })
      return readable(tree, () => bringForward(() => tree, wanted, { tree: slot.tree, record: slot.holds }, context.signal))
    })
    const key = contentKey(holds)
    if (key === contentKey(wanted) && (!wrote || key === contentKey(await look(tree, slot, context)))) return holds
    context.notice(`${tree} changed while it was copied; copying again`)
  }
  throw yours('TREE_CHANGES', `${tree} changed each of the ${TRIES} times that it was copied`, {
    hint: 'stop what writes to it (a build, a checkout, an editor) and run again',
  })
}
