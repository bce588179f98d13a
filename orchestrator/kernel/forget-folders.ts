import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { forgetLeastUsed } from '../host/forget-least-used.ts'

/** Removes the folders of this one that were made first, until so many are left; never one that is open (openSharedFolder). */
export const forgetFolders = async (parent: string, most: number): Promise<void> => {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => [])
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join(parent, name))
  const all = await Promise.all(folders.map(async (folder) => ({ folder, lockFile: `${folder}.lock`, size: 1, usedAt: (await stat(folder)).mtimeMs })))
  await forgetLeastUsed(all, most)
}
