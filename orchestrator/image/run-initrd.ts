import { copyFile, appendFile, chmod } from 'node:fs/promises'
import type { Image } from './open-image.ts'
import type { RunKeys } from './run-keys.ts'

/** Writes the initrd of one run: the image's initramfs and the run's keys, readable by this user only. */
export const writeRunInitrd = async (image: Image, keys: RunKeys, path: string): Promise<void> => {
  await copyFile(image.initramfs, path)
  await chmod(path, 0o600)
  await appendFile(path, keys.archive)
}
