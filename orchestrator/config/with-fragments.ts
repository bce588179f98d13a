import { basename } from 'node:path'
import { yours } from '../host/errors.ts'
import { findFragment, isFragmentPath } from './fragments.ts'
import type { ConfigSpec, ResolvedConfig } from './resolved-config.ts'

/** The same lab with these fragments merged over each of its configs, the last one winning. Throws yours/NO_FRAGMENT. */
export const withFragments = (config: ResolvedConfig, asked: readonly string[], cwd: string): ResolvedConfig => {
  const paths = asked.map((fragment) => pathOf(fragment, cwd, '--fragment takes a file, or a name of kernel-configs/'))
  return { ...config, configs: config.configs.map((spec) => ({ ...spec, fragments: [...spec.fragments, ...paths] })) }
}

/** The config that a path means: a fragment or a whole .config, which is named after its file. Undefined: it is no path but a name. */
export const configOfFile = (asked: string, cwd: string): ConfigSpec | undefined => {
  if (!isFragmentPath(asked)) return undefined
  const path = pathOf(asked, cwd, 'a config is a name of lab.config.ts, a fragment or a .config')
  const name = basename(path).toLowerCase().replace(/\.config$/, '').replaceAll(/[^a-z0-9._+-]+/g, '-').replace(/^[^a-z0-9]+/, '').slice(0, 64)
  return { name: name === '' ? 'config' : name, fragments: [path] }
}

const pathOf = (asked: string, cwd: string, hint: string): string => {
  const found = findFragment(asked, cwd)
  if ('path' in found) return found.path
  throw yours('NO_FRAGMENT', found.problem, { hint })
}
