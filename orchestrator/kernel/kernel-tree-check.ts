import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readMakefileVersion } from './makefile-version.ts'

/** Why a folder is no kernel tree; undefined when it is one. */
export const whyNoKernelTree = async (dir: string): Promise<string | undefined> => {
  if (!((await stat(dir).catch(() => undefined))?.isDirectory() ?? false)) return 'it is no folder'
  if (await readMakefileVersion(dir) === undefined) return 'it has no Makefile with VERSION and PATCHLEVEL'
  const missing = ['Kconfig', 'drivers/vfio'].find((path) => !existsSync(join(dir, path)))
  return missing === undefined ? undefined : `it has no ${missing}`
}
