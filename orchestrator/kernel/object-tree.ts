import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { run } from '../host/spawn.ts'
import type { SourceContext } from './kernel-source.ts'
import { mendObjects } from './mend-objects.ts'
import { objectsOf, OBJECTS_PREFIX, type SourceSlot } from './source-slot.ts'

/** Stands in an object tree from before make starts until it has ended by itself: found later, make was killed. */
const BUILDING = '.lab-building'

/**
 * The object tree of a config in a prepared slot. A new one starts from that of another config, because Kbuild knows which objects
 * depend on which symbols and compiles only those again; `from` are the configs to prefer for that, in order.
 */
export const openObjects = async (
  slot: SourceSlot, config: string, from: readonly string[], context: SourceContext,
): Promise<{ readonly objects: string; readonly cpuMs: number }> => {
  const objects = objectsOf(slot, config)
  const seed = isLinked(objects) ? undefined : await wholeObjects(slot, from)
  if (seed === undefined) return { objects: await openUnseeded(slot, config), cpuMs: 0 }
  // What was only configured, or stopped on its way, has less to offer than what was linked.
  await rm(objects, { recursive: true, force: true })
  return { objects, cpuMs: await copyObjects(seed, { slot, config }, objects, context) }
}

/** The object tree as it is, or empty: enough to be configured in. A copy made now would be old when it is built in. */
export const openUnseeded = async (slot: SourceSlot, config: string): Promise<string> => {
  const objects = objectsOf(slot, config)
  if (existsSync(join(objects, BUILDING))) await mendObjects(objects)
  await mkdir(objects, { recursive: true })
  return objects
}

/** Has this config been built to its end in this slot? */
export const hasObjects = (slot: SourceSlot, config: string): boolean => isLinked(objectsOf(slot, config))

const isLinked = (objects: string): boolean => existsSync(join(objects, 'vmlinux'))

/** Runs `work` with the object tree marked as being built, so that a kill in the middle is seen next time. */
export const whileBuilding = async <T>(objects: string, work: () => Promise<T>): Promise<T> => {
  const marker = join(objects, BUILDING)
  await writeFile(marker, '')
  const result = await work()
  await rm(marker)
  return result
}

export interface ObjectsAt {
  readonly slot: SourceSlot
  readonly config: string
}

/** The object tree of a slot to start another one from: linked to its end and not being built; preferred configs first. */
export const wholeObjects = async (slot: SourceSlot, preferred: readonly string[]): Promise<ObjectsAt | undefined> => {
  const folders = (await readdir(slot.tree)).filter((name) => name.startsWith(OBJECTS_PREFIX))
  const there = folders.map((name) => name.slice(OBJECTS_PREFIX.length))
  const ordered = [...preferred.filter((name) => there.includes(name)), ...there.filter((name) => !preferred.includes(name))]
  const config = ordered.find((name) => isLinked(objectsOf(slot, name)) && !existsSync(join(objectsOf(slot, name), BUILDING)))
  return config === undefined ? undefined : { slot, config }
}

/**
 * Copies an object tree, times and all, to where it will be used as `to`; resolves to the CPU time that took, in milliseconds.
 * `place` may be aside of that for a while. The caller holds the locks of both slots.
 */
export const copyObjects = async (from: ObjectsAt, to: ObjectsAt, place: string, { tools, signal }: SourceContext): Promise<number> => {
  const source = objectsOf(from.slot, from.config)
  // Beside the source tree: in it, it would be taken for an object tree. Several may be copied at once.
  const aside = join(dirname(dirname(place)), `${basename(place)}.new`)
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside)
  const args = ['--archive', '--reflink=auto', `${source}/.`, aside]
  const command = tools.command({ program: 'cp', args, read: [source], write: [aside] })
  const { cpuMs } = await run(command, { what: `copying ${source}`, writes: [aside], signal })
  await relocate(aside, { [source]: objectsOf(to.slot, to.config), [from.slot.tree]: to.slot.tree })
  await rename(aside, place)
  return cpuMs
}

/**
 * Kbuild's own records use relative paths; those of the tools in tools/ (objtool) use absolute ones, and a rebuilt objtool makes every
 * object old. So the paths in them move along, and the records keep their times.
 */
const relocate = async (objects: string, moves: Readonly<Record<string, string>>): Promise<void> => {
  const tools = join(objects, 'tools')
  if (!existsSync(tools)) return
  for (const entry of await readdir(tools, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/^\..*\.(cmd|d)$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    const text = await readFile(path, 'latin1')
    const moved = Object.entries(moves).reduce((all, [from, to]) => all.replaceAll(from, to), text)
    if (moved === text) continue
    const { mtimeNs } = await stat(path, { bigint: true })
    await writeFile(path, moved, 'latin1')
    // Never earlier than before, in what a double holds of it: a record must not become older than what it records.
    const seconds = (Number(mtimeNs / 1000n) + 1) / 1e6
    await utimes(path, seconds, seconds)
  }
}
