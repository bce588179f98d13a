import { existsSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock } from '../host/lock.ts'
import { removeFolder } from '../host/publish.ts'
import { sourceSlot, slotsFolder, type SourceSlot } from './source-slot.ts'

/**
 * Removes source trees with their object trees, the least used first, until so many are left; never one that somebody builds from.
 * Resolves to how many it removed.
 */
export const forgetSources = async (most: number): Promise<number> => {
  const slots = await slotsByUse()
  let removed = 0
  for (const slot of slots) {
    if (slots.length - removed <= most) break
    await using held = await tryLock(slot.lockFile)
    if (held === undefined) continue
    await removeFolder(slot.folder)
    // What was looked at and applied for it; the lock file stays, for somebody may wait for it.
    for (const suffix of ['seen', 'scratch']) await rm(`${slot.folder}.${suffix}`, { recursive: true, force: true })
    removed += 1
  }
  return removed
}

/** The least used first. */
const slotsByUse = async (): Promise<readonly SourceSlot[]> => {
  const names = await readdir(slotsFolder()).catch(() => [])
  const slots = names.filter((name) => !name.startsWith('.') && existsSync(join(slotsFolder(), name, 'tree'))).map(sourceSlot)
  const used = await Promise.all(slots.map(async (slot) => ({ slot, at: (await stat(slot.lockFile).catch(() => undefined))?.mtimeMs ?? 0 })))
  return used.toSorted((a, b) => a.at - b.at).map(({ slot }) => slot)
}
