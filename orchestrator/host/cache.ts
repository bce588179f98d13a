import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

/** A path below the lab's cache: $VFIO_LAB_CACHE, or the user's own cache folder. Creates nothing. */
export const cacheDir = (...parts: string[]): string => join(cacheRoot(), ...parts)

const cacheRoot = (): string => {
  const asked = process.env['VFIO_LAB_CACHE']
  return asked === undefined || asked === '' ? envPaths('vfio-lab', { suffix: '' }).cache : resolve(asked)
}
