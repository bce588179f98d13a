import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { publishFolder } from '../host/publish.ts'
import { openSharedFolder } from '../host/shared-folder.ts'
import { debianSourcePackage } from '../toolbox/debian-source-package.ts'
import type { OpenToolsOptions } from '../toolbox/open-toolbox.ts'
import { debianArchitecture, recipeHash } from '../toolbox/recipe.ts'
import type { Tools } from '../toolbox/tools.ts'
import { BINARY, buildQemu } from './build-qemu.ts'
import { BUILD_TOOLBOX, CONFIGURE, SOURCE } from './build-recipe.ts'
import { modelContent } from './device-model.ts'
import { builtQemuFolder, forgetQemus } from './forget-qemus.ts'

/** A QEMU that the lab built. While it is open nobody may remove it. */
export interface BuiltQemu extends AsyncDisposable {
  /** Absolute path; it runs in the usual toolbox, whose libraries and firmware it wants. */
  readonly program: string
}

/** Who changes the model goes back to the one before, now and then. */
const MOST_KEPT = 3

/**
 * Debian's QEMU with the lab's device, from the cache, or built now. Two labs at once build one.
 * Throws lab/NO_NETWORK when the source was never fetched and cannot be now, lab/QEMU_BUILD, lab/NO_SPACE, and what openToolbox throws.
 */
export const openBuiltQemu = async (tools: Tools, options: OpenToolsOptions): Promise<BuiltQemu> => {
  const folderOf = await folderNames()
  const { suite } = BUILD_TOOLBOX.recipe
  const source = await debianSourcePackage({ name: SOURCE, suite, isUsed: (version) => existsSync(folderOf(version)) }, tools, options)
  const folder = folderOf(source.version)
  const held = await openSharedFolder(folder, {
    signal: options.signal,
    onWait: () => { options.notice('another lab is building QEMU; waiting for it') },
    make: async () => {
      const dsc = await source.fetch()
      await publishFolder(folder, (aside) => buildQemu(aside, { version: source.version, dsc }, options))
      await forgetQemus(MOST_KEPT)
    },
  })
  return { program: join(folder, BINARY), [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
}

/** The content address: what it is built in, how, of which source, and the model. */
const folderNames = async (): Promise<(version: string) => string> => {
  const parts = [recipeHash(BUILD_TOOLBOX.recipe, debianArchitecture()), CONFIGURE, await modelContent()]
  return (version) => builtQemuFolder(createHash('sha256').update(JSON.stringify([...parts, version])).digest('hex').slice(0, 16))
}
