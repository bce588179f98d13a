import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Forgettable, forgetLeastUsed } from '../host/forget-least-used.ts'
import { slotsFolder, sourceSlot } from './source-slot.ts'

/** Removes source trees with their object trees until so many are left. Resolves to how many it removed. */
export const forgetSources = async (most: number): Promise<number> => {
  // What was looked at and applied for it; the lock file stays, for somebody may wait for it.
  const removed = await forgetLeastUsed(await slots(), most, async (folder) => {
    for (const suffix of ['seen', 'scratch']) await rm(`${folder}.${suffix}`, { recursive: true, force: true })
  })
  return removed.length
}

const slots = async (): Promise<readonly Forgettable[]> => {
  const names = (await readdir(slotsFolder()).catch(() => [])).filter((name) => !name.startsWith('.') && existsSync(join(slotsFolder(), name, 'tree')))
  return Promise.all(names.map(async (name) => {
    const { folder, lockFile } = sourceSlot(name)
    return { folder, lockFile, size: 1, usedAt: (await stat(lockFile).catch(() => undefined))?.mtimeMs ?? 0 }
  }))
}
