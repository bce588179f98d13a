import { appendFile, chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { modulesArchive } from '../image/modules-archive.ts'
import type { BuiltKernel } from '../kernel/built-kernel.ts'

/** The initrd of each kernel of a run: the run's own, and with the modules of a kernel that has some a copy in `dir`, made once for all of its cells. */
export const initrdPerKernel = (initrd: string, dir: string): ((kernel: BuiltKernel) => Promise<string>) => {
  const made = new Map<string, Promise<string>>()
  return ({ key, modules }) => {
    if (modules.length === 0) return Promise.resolve(initrd)
    const own = made.get(key) ?? writeWithModules(initrd, modules, join(dir, `initrd-${key}.cpio`))
    made.set(key, own)
    return own
  }
}

const writeWithModules = async (initrd: string, modules: readonly string[], path: string): Promise<string> => {
  await copyFile(initrd, path)
  await chmod(path, 0o600)
  await appendFile(path, await modulesArchive(modules))
  return path
}
