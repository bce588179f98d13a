import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import koffi from 'koffi'
import { namingFullDisk } from './disk-full.ts'
import { tryFlock } from './flock.ts'

/**
 * Makes a folder that is whole or not there: `fill` works in an empty folder beside the target, which is synced and renamed.
 * An existing target stays as it is (the first one wins). What a killed process left half-made beside the target is removed.
 * Throws lab/NO_SPACE when the disk is full, or what `fill` throws; nothing is left behind then.
 */
export const publishFolder = async (target: string, fill: (aside: string) => Promise<void>): Promise<void> => {
  if (existsSync(target)) return
  const parent = dirname(target)
  await mkdir(parent, { recursive: true })
  await sweep(target)
  const aside = newAside(target)
  await mkdir(aside)
  const held = await open(aside, 'r')
  try {
    // The lock says "being filled by a living process" to whoever sweeps.
    if (!tryFlock(held.fd, false)) throw new Error(`${aside} is locked by somebody else`)
    await namingFullDisk(`making ${target}`, parent, async () => {
      await fill(aside)
      await syncFileSystem(held)
      await renameUnlessThere(aside, target)
    })
    await using folder = await open(parent, 'r')
    await folder.sync()
  } finally {
    await held.close()
    await rm(aside, { recursive: true, force: true })
  }
}

/** Removes what publishFolder made: nobody ever sees half of it. */
export const removeFolder = async (target: string): Promise<void> => {
  const aside = newAside(target)
  await rename(target, aside)
  await rm(aside, { recursive: true, force: true })
}

const newAside = (target: string): string => join(dirname(target), `${asidePrefix(target)}${randomBytes(6).toString('hex')}`)

const asidePrefix = (target: string): string => `.${basename(target)}.aside-`

const sweep = async (target: string): Promise<void> => {
  const parent = dirname(target)
  for (const name of await readdir(parent)) {
    if (!name.startsWith(asidePrefix(target))) continue
    await removeUnlessFilling(join(parent, name))
  }
}

const removeUnlessFilling = async (aside: string): Promise<void> => {
  try {
    await using folder = await open(aside, 'r')
    if (tryFlock(folder.fd, false)) await rm(aside, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    // ENOENT: another lab swept or published it meanwhile. ENOTEMPTY: what a killed lab had started still writes there; the next sweep gets it.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTEMPTY'))) throw error
  }
}

const renameUnlessThere = async (aside: string, target: string): Promise<void> => {
  try {
    await rename(aside, target)
  } catch (error) {
    if (!existsSync(target)) throw error
  }
}

const syncfs = koffi.load(null).func('int syncfs(int fd)')

/** One syncfs(2) is cheaper than an fsync for each of thousands of files, and it reports their write errors too. */
const syncFileSystem = (file: FileHandle): Promise<void> =>
  new Promise((resolve, reject) => {
    syncfs.async(file.fd, (error: unknown, result: unknown) => {
      const errno = koffi.errno()
      if (error === null && result === 0) { resolve(); return }
      const code = errno === koffi.os.errno['ENOSPC'] ? 'ENOSPC' : errno === koffi.os.errno['EDQUOT'] ? 'EDQUOT' : `errno ${errno}`
      reject(Object.assign(new Error(`syncfs failed: ${code}`, { cause: error }), { code }))
    })
  })
