import { cacheDir } from '../host/cache.ts'
import { yours } from '../host/errors.ts'
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'

/** Where one source lives in the cache, with the object trees that were built from it. */
export interface SourceSlot {
  readonly name: string
  readonly folder: string
  /** The unpacked or copied source; object trees lie in it as `.objects-<config>`. */
  readonly tree: string
  /** What the tree holds (tree-snapshot.ts); a Debian source has it only when somebody needed it. */
  readonly holds: string
  /** Held while the slot is changed or built from. */
  readonly lockFile: string
}

export const slotsFolder = (): string => cacheDir('kernel', 'sources')

/** Throws yours/CACHE_PATH when the kernel's Makefile could not live there. */
export const sourceSlot = (name: string): SourceSlot => {
  const folder = join(slotsFolder(), name)
  if (/[\s:]/.test(folder)) {
    throw yours('CACHE_PATH', `the cache folder has a space or a colon in its path: ${slotsFolder()}`, {
      hint: "the kernel's Makefile refuses such paths; set VFIO_LAB_CACHE to another folder",
    })
  }
  return { name, folder, tree: join(folder, 'tree'), holds: join(folder, 'holds'), lockFile: `${folder}.lock` }
}

/** A slot's name for a path of the user: readable, and its own for each path. */
export const slotNameOf = (kind: 'git' | 'tree', path: string): string =>
  `${kind}-${basename(path).replace(/[^\w.-]/g, '_').slice(0, 40)}-${createHash('sha256').update(path).digest('hex').slice(0, 12)}`

/** In the source tree, so that Kbuild uses relative paths (`..`) and an object tree stays good when both are copied elsewhere. */
export const objectsOf = (slot: SourceSlot, config: string): string => join(slot.tree, `${OBJECTS_PREFIX}${config}`)

export const OBJECTS_PREFIX = '.objects-'
