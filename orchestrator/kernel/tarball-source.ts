import { realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { LabError, yours } from '../host/errors.ts'
import { hashFile } from '../host/hash-file.ts'
import { whyNoKernelTree } from './kernel-tree-check.ts'
import type { OpenedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { sourceSlot } from './source-slot.ts'
import { unpackTree } from './unpack-tree.ts'
import { unpackedSource } from './unpacked-source.ts'

/** A tarball of a kernel tree on this host, known by its content. Throws yours/NO_TARBALL; prepare() also BAD_TARBALL. */
export const openTarballSource = async (file: string, context: SourceContext): Promise<OpenedSource> => {
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) throw yours('NO_TARBALL', `there is no tarball ${file}`, { hint: 'say a file like linux-7.2.tar.xz' })
  const tarball = await realpath(file)
  context.onText(`reading ${basename(tarball)}`)
  const key = `tarball ${(await hashFile(tarball, context.signal)).toString('hex')}`
  const record: SourceRecord = { kind: 'tarball', file, version: `${basename(tarball)} (${key.slice(8, 20)})` }
  const slot = sourceSlot(`tarball-${key.slice(8, 24)}`)
  return unpackedSource({ record, key, slot, name: basename(tarball), unpack: (aside) => unpackChecked(tarball, aside, context) }, context)
}

const unpackChecked = async (tarball: string, aside: string, context: SourceContext): Promise<void> => {
  await unpackTree(tarball, aside, context).catch((error: unknown) => {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    throw yours('BAD_TARBALL', `${tarball} cannot be unpacked`, { tail: error.tail, cause: error, hint: 'a tar archive, packed with xz, gzip, zstd or not at all' })
  })
  const because = await whyNoKernelTree(join(aside, 'tree'))
  if (because !== undefined) throw yours('BAD_TARBALL', `${tarball} holds no kernel tree: ${because}`, { hint: 'a tarball of one folder, the top of a Linux source tree' })
}
