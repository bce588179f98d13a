import fs from 'node:fs'
import { checked } from './libc.ts'
import { readText } from './text-file.ts'

/** Where init found the modules of this kernel; `order` has the names of the files, each after what it depends on. */
const FOLDER = '/modules'
/** O_NONBLOCK of delete_module(2): a module that is in use is refused, in any case. */
const O_NONBLOCK = 0o4000

export interface LoadedModule {
  /** References to it, those of other modules among them. */
  readonly uses: number
  /** The modules that need it. */
  readonly holders: readonly string[]
}

/** By name; empty in a kernel without modules. A kernel that cannot unload them counts nothing. */
export const loadedModules = (): ReadonlyMap<string, LoadedModule> =>
  new Map((readText('/proc/modules') ?? '').split('\n').flatMap((line) => {
    const [, name, uses, holders] = /^(\w+) \d+ (\d+|-) (\S+) /.exec(line) ?? []
    return name === undefined || holders === undefined ? [] : [[name, { uses: Number(uses === '-' ? 0 : uses), holders: holders.split(',').filter((holder) => /^\w+$/.test(holder)) }]]
  }))

/** The modules that init loaded, by name, in its order, and their files. */
export const moduleFiles = (): ReadonlyMap<string, string> =>
  new Map((readText(`${FOLDER}/order`) ?? '').split('\n').flatMap((file) => {
    const name = /^\d+-(\w+)\.ko$/.exec(file)?.[1]
    return name === undefined ? [] : [[name, `${FOLDER}/${file}`]]
  }))

/** init_module(2), without parameters; throws Errno. */
export const loadModule = (name: string): void => {
  const file = moduleFiles().get(name)
  if (file === undefined) throw new Error(`the guest has no file of the module ${name}`)
  const image = fs.readFileSync(file)
  checked(`init_module(${name})`, (c) => c.initModule(image, image.byteLength, ''))
}

/** delete_module(2); throws Errno. */
export const unloadModule = (name: string): void => {
  checked(`delete_module(${name})`, (c) => c.deleteModule(name, O_NONBLOCK))
}
