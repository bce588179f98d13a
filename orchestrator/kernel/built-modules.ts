import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { neededModules } from './guest-modules.ts'
import type { DotConfig } from './dot-config.ts'
import { loadOrder } from './load-order.ts'

/**
 * Paths of the modules in an object tree that a guest loads, in load order: what `make modules` made there, without depmod, which knows no more than
 * modpost wrote down (scripts/mod/modpost.c, add_depends).
 */
export const builtModules = async (objects: string, config: DotConfig): Promise<readonly string[]> => {
  const names = neededModules(config)
  if (names.length === 0) return []
  const stems = (await readFile(join(objects, 'modules.order'), 'utf8')).split('\n').filter((line) => line !== '').map((line) => line.replace(/\.(?:o|ko)$/, ''))
  const byName = new Map(stems.map((stem) => [nameOf(stem), stem]))
  const lines = await Promise.all(stems.map(async (stem) => {
    const depends = /MODULE_INFO\(depends, "([^"]*)"\)/.exec(await readFile(join(objects, `${stem}.mod.c`), 'utf8'))?.[1] ?? ''
    const paths = depends.split(',').flatMap((name) => byName.get(name.replaceAll('-', '_')) ?? [])
    return `${stem}.ko: ${paths.map((path) => `${path}.ko`).join(' ')}`
  }))
  const { paths, missing } = loadOrder({ dep: lines.join('\n'), softdep: '', alias: '' }, names)
  if (missing.length > 0) throw new Error(`make left no module ${missing.join(', ')} in ${objects}`)
  return paths.map((path) => join(objects, path))
}

const nameOf = (stem: string): string => stem.slice(stem.lastIndexOf('/') + 1).replaceAll('-', '_')
