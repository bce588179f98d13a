import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { cpioArchive, type CpioEntry } from './cpio.ts'

/** Modules for init to load, as a cpio archive to be put after the initramfs: `modules/<name>` and, in `modules/order`, the names in this order. */
export const modulesArchive = async (paths: readonly string[]): Promise<Uint8Array> => {
  const files = await Promise.all(paths.map(async (path): Promise<CpioEntry> =>
    ({ kind: 'file', path: `modules/${basename(path)}`, mode: 0o644, data: await readFile(path) })))
  const order = paths.map((path) => `${basename(path)}\n`).join('')
  return cpioArchive([
    { kind: 'folder', path: 'modules', mode: 0o755 },
    ...files,
    { kind: 'file', path: 'modules/order', mode: 0o644, data: Buffer.from(order) },
  ])
}
