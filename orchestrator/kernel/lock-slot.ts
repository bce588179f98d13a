import { utimes } from 'node:fs/promises'
import { lock } from '../host/lock.ts'
import type { SourceContext } from './kernel-source.ts'
import type { SourceSlot } from './source-slot.ts'

/** Waits until nobody else builds in a slot, and notes that it is used now. `what` is built from it, for a person who waits. */
export const lockSlot = async ({ lockFile }: Pick<SourceSlot, 'lockFile'>, what: string, { signal, notice }: SourceContext): Promise<AsyncDisposable> => {
  const held = await lock(lockFile, { signal, onWait: () => { notice(`another lab builds from ${what}; waiting for it`) } })
  const now = new Date()
  await utimes(lockFile, now, now)
  return held
}
