import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LabError, yours } from '../host/errors.ts'
import { lock } from '../host/lock.ts'
import { publishFolder } from '../host/publish.ts'
import { whyNoKernelTree } from './kernel-tree-check.ts'
import type { OpenedSource, PreparedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { sourceSlot, type SourceSlot } from './source-slot.ts'
import { unpackTree } from './unpack-tree.ts'

/** A tarball of a kernel tree on this host, known by its content. Throws yours/NO_TARBALL; prepare() also BAD_TARBALL. */
export const openTarballSource = async (file: string, context: SourceContext): Promise<OpenedSource> => {
  const found = await stat(file).catch(() => undefined)
  if (found?.isFile() !== true) throw yours('NO_TARBALL', `there is no tarball ${file}`, { hint: 'say a file like linux-7.2.tar.xz' })
  const tarball = await realpath(file)
  context.onText(`reading ${basename(tarball)}`)
  const digest = createHash('sha256')
  await pipeline(createReadStream(tarball), digest, { signal: context.signal })
  const key = `tarball ${digest.digest('hex')}`
  const record: SourceRecord = { kind: 'tarball', file, version: `${basename(tarball)} (${key.slice(8, 20)})` }
  const slot = sourceSlot(`tarball-${key.slice(8, 24)}`)
  return { record, key, prepare: () => prepare(tarball, record, key, slot, context) }
}

const prepare = async (tarball: string, record: SourceRecord, key: string, slot: SourceSlot, context: SourceContext): Promise<PreparedSource> => {
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(slot.lockFile, {
    signal: context.signal,
    onWait: () => { context.notice(`another lab builds from ${tarball}; waiting for it`) },
  }))
  if (!existsSync(slot.folder)) {
    context.onText(`unpacking ${basename(tarball)}`)
    await publishFolder(slot.folder, (aside) => unpackChecked(tarball, aside, context))
  }
  const held = stack.move()
  return { record, key, configKey: key, slot, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const unpackChecked = async (tarball: string, aside: string, context: SourceContext): Promise<void> => {
  await unpackTree(tarball, aside, context).catch((error: unknown) => {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    throw yours('BAD_TARBALL', `${tarball} cannot be unpacked`, { tail: error.tail, cause: error, hint: 'a tar archive, packed with xz, gzip, zstd or not at all' })
  })
  const because = await whyNoKernelTree(join(aside, 'tree'))
  if (because !== undefined) throw yours('BAD_TARBALL', `${tarball} holds no kernel tree: ${because}`, { hint: 'a tarball of one folder, the top of a Linux source tree' })
}
