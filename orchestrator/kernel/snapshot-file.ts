import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { unlessMissing } from '../host/unless-missing.ts'
import { parseSnapshot, snapshotText, type TreeSnapshot } from './tree-snapshot.ts'

/** An empty snapshot when there is no such file. */
export const readSnapshot = async (path: string): Promise<TreeSnapshot> => {
  const bytes = await unlessMissing(readFile(path))
  return bytes === undefined ? new Map() : parseSnapshot(bytes)
}

/** Whole or not at all, on the disk when this resolves. Concurrent writers do no harm: the last one stays. */
export const writeSnapshot = async (path: string, snapshot: TreeSnapshot): Promise<void> => {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    {
      await using file = await open(aside, 'w')
      await file.writeFile(snapshotText(snapshot))
      await file.datasync()
    }
    await rename(aside, path)
  } catch (error) {
    await rm(aside, { force: true })
    throw error
  }
}
