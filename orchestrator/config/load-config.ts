import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { yours } from '../host/errors.ts'
import { importConfig } from './import-config.ts'
import { resolveConfig } from './resolve-config.ts'
import type { ResolvedConfig } from './resolved-config.ts'

const FILE = 'lab.config.ts'
const PROJECT = resolve(import.meta.dirname, '../..')

/**
 * The config to work with: the file asked for (or the lab.config.ts of the folder asked for), else the one of `cwd`, else the project's own.
 * Throws LabError yours: NO_CONFIG, CONFIG_THROWS, BAD_CONFIG.
 */
export const loadConfig = async (path: string | undefined, cwd: string): Promise<ResolvedConfig> => {
  const file = path === undefined ? defaultFile(cwd) : askedFile(resolve(cwd, path))
  return resolveConfig(await importConfig(file), file, dirname(file))
}

const defaultFile = (cwd: string): string => {
  const own = join(cwd, FILE)
  return kindOf(own) === 'file' ? own : join(PROJECT, FILE)
}

const askedFile = (path: string): string => {
  const kind = kindOf(path)
  if (kind === 'file') return path
  const inside = join(path, FILE)
  if (kind === 'folder' && kindOf(inside) === 'file') return inside
  throw yours('NO_CONFIG', kind === 'folder' ? `there is no ${FILE} in ${path}` : `there is no config file ${path}`, {
    hint: `copy ${join(PROJECT, FILE)} and change it`,
  })
}

const kindOf = (path: string): 'file' | 'folder' | undefined => {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  return stats.isDirectory() ? 'folder' : 'file'
}
