export interface LoadOrder {
  /** Paths as in modules.dep, each after all that it depends on. */
  readonly paths: readonly string[]
  /** Names that modules.dep does not have. */
  readonly missing: readonly string[]
}

/** The modules of these names and what they depend on, by depmod's list `path: path path`, in the order in which they can be loaded. */
export const loadOrder = (modulesDep: string, names: readonly string[]): LoadOrder => {
  const dependencies = new Map<string, readonly string[]>()
  const byName = new Map<string, string>()
  for (const line of modulesDep.split('\n')) {
    const [, path, rest] = /^([^\s:]+):(.*)$/.exec(line) ?? []
    if (path === undefined || rest === undefined) continue
    dependencies.set(path, rest.split(' ').filter((word) => word !== ''))
    byName.set(moduleName(path), path)
  }
  const ordered = new Set<string>()
  const seen = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const dependency of dependencies.get(path) ?? []) visit(dependency)
    ordered.add(path)
  }
  const found = names.map((name) => ({ name, path: byName.get(moduleName(name)) }))
  for (const { path } of found) if (path !== undefined) visit(path)
  return { paths: [...ordered], missing: found.flatMap(({ name, path }) => (path === undefined ? [name] : [])) }
}

/** `vfio_pci` for `kernel/drivers/vfio/pci/vfio-pci.ko.xz`: the kernel takes - and _ for the same. */
export const moduleName = (path: string): string => path.slice(path.lastIndexOf('/') + 1).replace(/\.ko(?:\.\w+)?$/, '').replaceAll('-', '_')
