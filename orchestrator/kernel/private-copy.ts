import {
  chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { hash } from 'node:crypto'
import { dirname } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { readSnapshot, writeSnapshot } from './snapshot-file.ts'
import { inTree, type TreeFile, type TreeSnapshot } from './tree-snapshot.ts'
import type { TreePath } from './tree-files.ts'

/** A copy of a tree that the lab owns: `tree/` and a record of what it holds. */
export interface PrivateCopy {
  readonly tree: string
  /** File with the snapshot of what the copy holds; an entry without a hash may hold anything. */
  readonly record: string
}

export interface Brought {
  readonly holds: TreeSnapshot
  readonly wrote: boolean
}

const FILES_BETWEEN_BREATHS = 100

/**
 * Brings the copy to the state of `wanted`; `sourceOf` is the folder that has a path as wanted. Only files whose content changed are written, so all others
 * keep their times and make does not compile them again. Files are replaced, never written in place: other copies may share them.
 * Killed in the middle, the next call mends what is half done. Resolves to the content that was really copied, which
 * differs from `wanted` where a source changed meanwhile. The caller holds the copy's lock.
 */
export const bringForward = async (sourceOf: (path: TreePath) => string, wanted: TreeSnapshot, copy: PrivateCopy, signal: AbortSignal): Promise<Brought> => {
  const held = await readSnapshot(copy.record)
  const changed = [...wanted].filter(([path, file]) => !isSame(held.get(path), file)).map(([path]) => path)
  const gone = [...held.keys()].filter((path) => !wanted.has(path))
  if (changed.length === 0 && gone.length === 0) return { holds: held, wrote: false }
  // First on record: what is about to change may hold anything.
  await writeSnapshot(copy.record, new Map([...held, ...[...changed, ...gone].map((path) => [path, UNKNOWN] as const)]))

  mkdirSync(copy.tree, { recursive: true })
  for (const path of gone) rmSync(inTree(copy.tree, path), { recursive: true, force: true })
  removeEmptyFolders(copy.tree, gone)
  const copied = new Map<TreePath, TreeFile>()
  let done = 0
  for (const path of changed) {
    if (++done % FILES_BETWEEN_BREATHS === 0) {
      await breathe()
      signal.throwIfAborted()
    }
    const file = copyFile(sourceOf(path), path, copy.tree)
    if (file !== undefined) copied.set(path, file)
  }
  const holds = new Map([...wanted].flatMap(([path, file]) => {
    const now = isSame(held.get(path), file) ? file : copied.get(path)
    return now === undefined ? [] : [[path, { ...now, stamp: '' }] as const]
  }))
  await writeSnapshot(copy.record, holds)
  return { holds, wrote: true }
}

const UNKNOWN: TreeFile = { kind: 'file', hash: '', stamp: '' }

const isSame = (a: TreeFile | undefined, b: TreeFile): boolean => a !== undefined && a.kind === b.kind && a.hash === b.hash && a.hash !== ''

/** Undefined when the file is gone from `dir`; then it is gone from the copy too. */
const copyFile = (dir: string, path: TreePath, tree: string): TreeFile | undefined => {
  const from = inTree(dir, path)
  const to = inTree(tree, path)
  const content = contentOf(from)
  if (content === undefined) {
    rmSync(to, { recursive: true, force: true })
    return undefined
  }
  makeFolder(tree, path)
  const aside = Buffer.concat([to, Buffer.from('.lab-new')])
  rmSync(aside, { recursive: true, force: true })
  if (content.kind === 'link') symlinkSync(content.bytes, aside)
  else writeFileSync(aside, content.bytes)
  if (content.kind !== 'link') chmodSync(aside, content.kind === 'executable' ? 0o755 : 0o644)
  if (isFolder(to)) rmSync(to, { recursive: true })
  renameSync(aside, to)
  return { kind: content.kind, hash: hash('sha256', content.bytes), stamp: '' }
}

const contentOf = (path: Buffer): { readonly kind: TreeFile['kind']; readonly bytes: Buffer } | undefined => {
  try {
    const stats = lstatSync(path)
    if (stats.isSymbolicLink()) return { kind: 'link', bytes: readlinkSync(path, 'buffer') }
    if (stats.isFile()) return { kind: (stats.mode & 0o100) === 0 ? 'file' : 'executable', bytes: readFileSync(path) }
    return undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  }
}

/** What stood where a folder is needed now (a file that became one) is removed. */
const makeFolder = (tree: string, path: TreePath): void => {
  const parents = path.split('/').slice(0, -1)
  const folder = inTree(tree, parents.join('/'))
  if (parents.length === 0 || isFolder(folder)) return
  for (let depth = 1; depth <= parents.length; depth++) {
    const parent = inTree(tree, parents.slice(0, depth).join('/'))
    if (isFolder(parent)) continue
    rmSync(parent, { force: true })
    mkdirSync(parent)
  }
}

const isFolder = (path: Buffer): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

const removeEmptyFolders = (tree: string, gone: readonly TreePath[]): void => {
  const folders = new Set<TreePath>()
  for (const path of gone) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder)
  }
  // Longest first: a folder is empty when those in it are gone.
  for (const folder of [...folders].toSorted((a, b) => b.length - a.length)) {
    const path = inTree(tree, folder)
    if (isFolder(path) && readdirSync(path).length === 0) rmdirSync(path)
  }
}
