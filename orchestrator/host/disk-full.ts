import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type LabError, labFault } from './errors.ts'

const FULL_ERRNOS = new Set<unknown>(['ENOSPC', 'EDQUOT'])

/** Whether an error of node:fs says that the disk (or the user's quota on it) is full. */
export const isDiskFull = (error: unknown): boolean => error instanceof Error && 'code' in error && FULL_ERRNOS.has(error.code)

/** Whether a tool's output says so. */
export const saysDiskFull = (output: string): boolean => /No space left on device|Disk quota exceeded|enough free space/i.test(output)

/** NO_SPACE: names the fullest of the folders that were written to, with what is free there. */
export const diskFull = async (what: string, folders: readonly string[], details: { cause?: unknown; tail?: readonly string[]; durationMs?: number }): Promise<LabError> => {
  const measured = await Promise.all(folders.map(async (folder) => ({ folder, free: await freeBytes(folder) })))
  const fullest = measured.toSorted((a, b) => a.free - b.free)[0]
  const where = fullest === undefined ? 'a folder' : `${fullest.folder} (${Math.floor(fullest.free / 2 ** 20)} MiB free)`
  return labFault('NO_SPACE', `${what}: no space left in ${where}`, {
    hint: 'free some space there, or put the cache elsewhere with VFIO_LAB_CACHE=/another/folder',
    ...details,
  })
}

/** Runs `work`; when it fails for want of space, the error says where. */
export const namingFullDisk = async <T>(what: string, folder: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (isDiskFull(error)) throw await diskFull(what, [folder], { cause: error })
    throw error
  }
}

/** Free for this user, in bytes, in the folder or the nearest parent that exists. */
const freeBytes = async (folder: string): Promise<number> => {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    const parent = dirname(folder)
    if (parent === folder) throw error
    return freeBytes(parent)
  }
}
