import { createHash, hash } from 'node:crypto'
import { type BigIntStats, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import type { TreePath } from './tree-files.ts'

/** One file or symbolic link of a tree at one moment. */
export interface TreeFile {
  readonly kind: 'file' | 'executable' | 'link'
  /** SHA-256 of the content, or of the link's target; empty: not known. */
  readonly hash: string
  /** Size, times and inode: while these are the same the content is not read again. */
  readonly stamp: string
}

/** Sorted by path. */
export type TreeSnapshot = ReadonlyMap<TreePath, TreeFile>

/** Files changed so shortly before they were read may change again within the same tick of the file system's clock. */
const RACY_NS = 1_000_000_000n

/** No source file of a kernel is near that; disk images and archives that somebody keeps in a tree are. */
const MAX_BYTES = 256n * 2n ** 20n

const FILES_BETWEEN_BREATHS = 500

/**
 * Looks at every path below `dir`; reads only those whose stamp is not that of `before`. Paths that are gone, what is neither
 * a file nor a link, and what is too large to be source are left out. `read` counts the files that were read.
 */
export const takeSnapshot = async (
  dir: string, paths: readonly TreePath[], before: TreeSnapshot, signal: AbortSignal,
): Promise<{ readonly snapshot: TreeSnapshot; readonly read: number }> => {
  const snapshot = new Map<TreePath, TreeFile>()
  let read = 0
  let seen = 0
  for (const path of paths) {
    if (++seen % FILES_BETWEEN_BREATHS === 0) {
      await breathe()
      signal.throwIfAborted()
    }
    const file = lookAt(inTree(dir, path), before.get(path))
    if (file === undefined) continue
    if (file.isNew) read += 1
    snapshot.set(path, file.file)
  }
  return { snapshot, read }
}

const lookAt = (path: Buffer, before: TreeFile | undefined): { file: TreeFile; isNew: boolean } | undefined => {
  try {
    const stats = lstatSync(path, { bigint: true })
    const kind = kindOf(stats)
    if (kind === undefined || stats.size > MAX_BYTES) return undefined
    const stamp = stampOf(stats)
    if (before?.stamp === stamp && before.kind === kind && before.hash !== '') return { file: before, isNew: false }
    const now = BigInt(Date.now()) * 1_000_000n
    const content = hash('sha256', kind === 'link' ? readlinkSync(path, 'buffer') : readFileSync(path))
    const isRacy = now - stats.ctimeNs < RACY_NS
    return { file: { kind, hash: content, stamp: isRacy ? '' : stamp }, isNew: true }
  } catch (error) {
    // Gone since it was listed: a tracked file that was deleted.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  }
}

const kindOf = (stats: BigIntStats): TreeFile['kind'] | undefined => {
  if (stats.isSymbolicLink()) return 'link'
  if (!stats.isFile()) return undefined
  return (stats.mode & 0o100n) === 0n ? 'file' : 'executable'
}

const stampOf = (stats: BigIntStats): string => `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs} ${stats.ino}`

/** The bytes of a path below a folder. */
export const inTree = (dir: string, path: TreePath): Buffer => Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(path, 'latin1')])

/** Changes when any path, kind or content does, and with nothing else. */
export const contentKey = (snapshot: TreeSnapshot): string => {
  const digest = createHash('sha256')
  for (const [path, { kind, hash: content }] of snapshot) digest.update(`${kind} ${content} ${path}\0`, 'latin1')
  return digest.digest('hex')
}

const READ_BY_KCONFIG = /(^|\/)Kconfig[^/]*$|^Makefile$|^(scripts|kernel\/configs|arch\/x86\/configs)\/|^arch\/x86\/Makefile/

/** Changes only with what Kconfig reads: its files, scripts and Makefiles. */
export const kconfigKey = (snapshot: TreeSnapshot): string => contentKey(new Map([...snapshot].filter(([path]) => READ_BY_KCONFIG.test(path))))

/** As one file: the same on every read, and cheap to read for a hundred thousand files. */
export const snapshotText = (snapshot: TreeSnapshot): Buffer => {
  const records = snapshot.entries().map(([path, { kind, hash: content, stamp }]) => `${kind}\t${content}\t${stamp}\t${path}\0`)
  return Buffer.from(records.toArray().join(''), 'latin1')
}

/** Reads what snapshotText wrote; an unknown record is passed over, which only means that its file is read again. */
export const parseSnapshot = (bytes: Buffer): TreeSnapshot => {
  const snapshot = new Map<TreePath, TreeFile>()
  for (const record of bytes.toString('latin1').split('\0')) {
    const [kind, content, stamp, ...path] = record.split('\t')
    if (kind !== 'file' && kind !== 'executable' && kind !== 'link') continue
    if (content !== undefined && stamp !== undefined) snapshot.set(path.join('\t'), { kind, hash: content, stamp })
  }
  return snapshot
}
