import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { parseSnapshot, snapshotText, type TreeSnapshot } from './tree-snapshot.ts'

/** An empty snapshot when there is no such file. */
export const readSnapshot = async (path: string): Promise<TreeSnapshot> => {
  try {
    return parseSnapshot(await readFile(path))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map()
    throw error
  }
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
