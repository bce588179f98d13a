/** Texts of depmod's lists in a modules folder. */
export interface ModuleLists {
  /** modules.dep: `path: path path`. */
  readonly dep: string
  /** modules.softdep: `softdep libcrc32c pre: crc32c`, for what a module asks for by a name of its function when it starts. */
  readonly softdep: string
  /** modules.alias: `alias crc32c crc32c_generic`. */
  readonly alias: string
}

export interface LoadOrder {
  /** Paths as in modules.dep, each after all that it depends on. */
  readonly paths: readonly string[]
  /** Names that modules.dep does not have. */
  readonly missing: readonly string[]
}

/** The modules of these names and what they depend on, in the order in which they can be loaded. */
export const loadOrder = (lists: ModuleLists, names: readonly string[]): LoadOrder => {
  const dependencies = new Map<string, readonly string[]>()
  const byName = new Map<string, string>()
  for (const [path = '', rest = ''] of matches(lists.dep, /^([^\s:#]+):(.*)$/gm)) {
    dependencies.set(path, words(rest))
    byName.set(moduleName(path), path)
  }
  const before = softDependencies(lists)
  const ordered = new Set<string>()
  const seen = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    // What is only wished for may be built in, or not exist.
    for (const name of before(moduleName(path))) ifDefined(byName.get(name), visit)
    for (const dependency of dependencies.get(path) ?? []) visit(dependency)
    ordered.add(path)
  }
  const found = names.map((name) => ({ name, path: byName.get(moduleName(name)) }))
  for (const { path } of found) ifDefined(path, visit)
  return { paths: [...ordered], missing: found.flatMap(({ name, path }) => (path === undefined ? [name] : [])) }
}

/** `vfio_pci` for `kernel/drivers/vfio/pci/vfio-pci.ko.xz`: the kernel takes - and _ for the same. */
export const moduleName = (path: string): string => path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(?:\.\w+)?$/, '').replaceAll('-', '_')

/** Names of the modules that should be there before one; of several that serve under one alias, one: the generic needs no particular processor. */
const softDependencies = ({ softdep, alias }: ModuleLists): ((name: string) => readonly string[]) => {
  const wished = Map.groupBy(matches(softdep, /^softdep (\S+) (.*)$/gm), ([name = '']) => moduleName(name))
  const serving = Map.groupBy(matches(alias, /^alias (\S+) (\S+)$/gm), ([name = '']) => name)
  const byAlias = (word: string): readonly string[] => {
    const modules = (serving.get(word) ?? []).map(([, module = '']) => module)
    return [modules.find((module) => module.endsWith('_generic')) ?? modules[0] ?? moduleName(word)]
  }
  return (name) => (wished.get(name) ?? []).flatMap(([, wishes = '']) => words(/\bpre:([^:]*)(?= post:|$)/.exec(wishes)?.[1] ?? '').flatMap(byAlias))
}

/** The groups of each line that matches. */
const matches = (text: string, pattern: RegExp): readonly (readonly string[])[] => [...text.matchAll(pattern)].map(([, ...groups]) => groups)

const words = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '')

const ifDefined = (path: string | undefined, act: (path: string) => void): void => {
  if (path !== undefined) act(path)
}
