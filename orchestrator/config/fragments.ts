import { readdirSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { suggestion } from '../host/nearest-name.ts'
import { isFile } from './is-file.ts'

/** The project's own kernel-configs/. */
const KERNEL_CONFIGS = resolve(import.meta.dirname, '../../kernel-configs')

/** What every kernel of the lab has; not a fragment that a config can name. */
export const BASE_CONFIG = join(KERNEL_CONFIGS, 'base.config')

const EXTENSION = '.config'

const fragmentNames = (): readonly string[] =>
  readdirSync(KERNEL_CONFIGS)
    .filter((file) => file.endsWith(EXTENSION) && join(KERNEL_CONFIGS, file) !== BASE_CONFIG)
    .map((file) => file.slice(0, -EXTENSION.length))
    .toSorted()

/** The file that a config means: a name of kernel-configs/, or a path relative to the folder of lab.config.ts. */
export const findFragment = (asked: string, dir: string): { readonly path: string } | { readonly problem: string } => {
  if (isFragmentPath(asked)) {
    const path = resolve(dir, asked)
    return isFile(path) ? { path } : { problem: `there is no file ${path}` }
  }
  const names = fragmentNames()
  if (names.includes(asked)) return { path: join(KERNEL_CONFIGS, `${asked}${EXTENSION}`) }
  return { problem: `there is no fragment ${asked} in kernel-configs/${suggestion(asked, names)}` }
}

/** Otherwise it is a name. */
export const isFragmentPath = (asked: string): boolean => isAbsolute(asked) || asked.includes('/') || asked.endsWith(EXTENSION)
