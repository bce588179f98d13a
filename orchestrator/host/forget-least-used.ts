import { tryLock } from './lock.ts'
import { removeFolder } from './publish.ts'

/** A folder of the cache that can be made again. */
export interface Forgettable {
  readonly folder: string
  /** Held by whoever uses it. */
  readonly lockFile: string
  readonly usedAt: number
  /** In what the limit counts. */
  readonly size: number
}

/**
 * Removes folders, the least used first, until the rest is no larger than that; never one that somebody uses. Resolves to those that it removed.
 * @param alsoRemove what belongs to a folder, removed while its lock is held
 */
export const forgetLeastUsed = async (
  all: readonly Forgettable[], most: number, alsoRemove: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> => {
  let left = all.reduce((sum, { size }) => sum + size, 0)
  const removed: string[] = []
  for (const { folder, lockFile, size } of all.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (left <= most) break
    await using held = await tryLock(lockFile)
    if (held === undefined) continue
    await removeFolder(folder)
    await alsoRemove(folder)
    left -= size
    removed.push(folder)
  }
  return removed
}
