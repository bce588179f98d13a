import { existsSync, linkSync, mkdirSync } from 'node:fs'
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { tryLock } from '../host/lock.ts'
import { publishFolder } from '../host/publish.ts'
import type { SourceContext } from './kernel-source.ts'
import { readMakefileVersion } from './makefile-version.ts'
import { copyObjects, type ObjectsAt, wholeObjects } from './object-tree.ts'
import { readSnapshot, writeSnapshot } from './snapshot-file.ts'
import { objectsOf, OBJECTS_PREFIX, slotsFolder, sourceSlot, type SourceSlot } from './source-slot.ts'
import type { TreePath } from './tree-files.ts'
import { inTree, takeSnapshot, type TreeSnapshot } from './tree-snapshot.ts'

const LINKS_BETWEEN_BREATHS = 500

/**
 * Starts a new slot for a tree from the slot of another source of the same kernel version, with one of its object trees: files that
 * are the same in both keep their times when the copy is brought forward, and make compiles only the others. Source files are shared by
 * hard links; nothing writes them in place. Without such a slot, or when it is in use, nothing is done.
 */
export const seedSlot = async (slot: SourceSlot, tree: string, configs: readonly string[], context: SourceContext): Promise<void> => {
  const version = (await readMakefileVersion(tree))?.text
  for (const donor of await otherSlots(slot)) {
    if ((await readMakefileVersion(donor.tree))?.text !== version) continue
    await using held = await tryLock(donor.lockFile)
    if (held === undefined) continue
    const objects = await wholeObjects(donor, configs)
    if (objects === undefined) continue
    context.onText(`starting from the objects of ${donor.name}`)
    await publishFolder(slot.folder, (aside) => copySlot([objects], donor, slot, aside, context))
    return
  }
}

/** Starts a new slot from that of the source which it will differ from in a few files only, with all object trees of these configs. The caller has locked both. */
export const seedFrom = async (donor: SourceSlot, slot: SourceSlot, configs: readonly string[], context: SourceContext): Promise<void> => {
  const whole = await Promise.all(configs.map((config) => wholeObjects(donor, [config])))
  const own = whole.filter((objects) => objects !== undefined)
  const some = [...new Map(own.map((objects) => [objects.config, objects])).values()]
  await publishFolder(slot.folder, (aside) => copySlot(some, donor, slot, aside, context))
}

/** The last used first. */
const otherSlots = async (slot: SourceSlot): Promise<readonly SourceSlot[]> => {
  const entries = await readdir(slotsFolder(), { withFileTypes: true })
  const others = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== slot.name)
  const slots = others.map(({ name }) => sourceSlot(name)).filter(({ tree }) => existsSync(tree))
  const used = await Promise.all(slots.map(async (other) => ({ other, at: (await stat(other.tree)).mtimeMs })))
  return used.toSorted((a, b) => b.at - a.at).map(({ other }) => other)
}

const copySlot = async (
  objectTrees: readonly ObjectsAt[], donor: SourceSlot, slot: SourceSlot, aside: string, context: SourceContext,
): Promise<void> => {
  const holds = await holdingsOf(donor, context.signal)
  const tree = join(aside, 'tree')
  await mkdir(tree)
  await linkFiles(donor.tree, tree, [...holds.keys()], context.signal)
  await copyFile(donor.holds, join(aside, 'holds'))
  for (const from of objectTrees) {
    await copyObjects(from, { slot, config: from.config }, objectsOf({ ...slot, tree }, from.config), context)
  }
}

/** What a slot holds. A Debian source is unpacked without looking at its files: that is done when it is asked for the first time. */
export const holdingsOf = async (slot: SourceSlot, signal: AbortSignal): Promise<TreeSnapshot> => {
  if (!existsSync(slot.holds)) await recordHoldings(slot, signal)
  return readSnapshot(slot.holds)
}

const recordHoldings = async (slot: SourceSlot, signal: AbortSignal): Promise<void> => {
  const { snapshot } = await takeSnapshot(slot.tree, await filesBelow(slot.tree), new Map(), signal)
  await writeSnapshot(slot.holds, new Map([...snapshot].map(([path, file]) => [path, { ...file, stamp: '' }])))
}

const filesBelow = async (tree: string): Promise<readonly TreePath[]> => {
  const walk = async (folder: TreePath): Promise<readonly TreePath[]> => {
    const entries = await readdir(inTree(tree, folder), { withFileTypes: true, encoding: 'buffer' })
    const nested = await Promise.all(entries.map(async (entry) => {
      const path = `${folder === '' ? '' : `${folder}/`}${entry.name.toString('latin1')}`
      if (!entry.isDirectory()) return [path]
      return path.startsWith(OBJECTS_PREFIX) ? [] : walk(path)
    }))
    return nested.flat()
  }
  return (await walk('')).toSorted()
}

const linkFiles = async (from: string, to: string, paths: readonly TreePath[], signal: AbortSignal): Promise<void> => {
  const made = new Set<TreePath>(['.'])
  let linked = 0
  for (const path of paths) {
    if (++linked % LINKS_BETWEEN_BREATHS === 0) {
      await breathe()
      signal.throwIfAborted()
    }
    const folder = dirname(path)
    if (!made.has(folder)) mkdirSync(inTree(to, folder), { recursive: true })
    made.add(folder)
    linkSync(inTree(from, path), inTree(to, path))
  }
}
