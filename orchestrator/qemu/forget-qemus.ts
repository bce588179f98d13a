import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { forgetLeastUsed } from '../host/forget-least-used.ts'

/** Where a QEMU lies that the lab built. */
export const builtQemuFolder = (key: string): string => cacheDir('qemu', key)

/** Removes the QEMUs that were built first, until so many are left; never one that is open. Resolves to how many it removed. */
export const forgetQemus = async (most: number): Promise<number> => {
  const entries = await readdir(cacheDir('qemu'), { withFileTypes: true }).catch(() => [])
  const built = await Promise.all(entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(async ({ parentPath, name }) => {
    const folder = join(parentPath, name)
    return { folder, lockFile: `${folder}.lock`, size: 1, usedAt: (await stat(folder)).mtimeMs }
  }))
  return (await forgetLeastUsed(built, most)).length
}
