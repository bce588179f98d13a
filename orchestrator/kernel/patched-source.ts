import { createHash, hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { countText } from '../host/count-text.ts'
import { namingFullDisk } from '../host/disk-full.ts'
import { applyPatches, overlayFile } from './apply-patches.ts'
import type { KernelPatch } from './kernel-input.ts'
import type { OpenedSource, PreparedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { lockSlot } from './lock-slot.ts'
import { bringForward } from './private-copy.ts'
import { holdingsOf, seedFrom } from './seed-slot.ts'
import { sourceSlot, type SourceSlot } from './source-slot.ts'
import { kconfigKey, type TreeFile, type TreeSnapshot } from './tree-snapshot.ts'

/**
 * A source with patches on it. The patched tree has a slot of its own beside that of the source, which is brought forward from series to
 * series: only files that differ are written, so only they are compiled again.
 */
export const patchedSource = (base: OpenedSource, patches: readonly KernelPatch[], context: SourceContext): OpenedSource => ({
  record: patchedRecord(base.record, patches),
  key: patchedKey(base.key, patches),
  prepare: (configs) => prepare(base, patches, configs, context),
})

const patchedKey = (key: string, patches: readonly KernelPatch[]): string =>
  createHash('sha256').update(JSON.stringify([key, patches.map(({ text }) => text)])).digest('hex')

const patchedRecord = (record: SourceRecord, patches: readonly KernelPatch[]): SourceRecord =>
  ({ ...record, version: `${record.version} + ${countText(patches.length, 'patch', 'patches')}` })

const prepare = async (
  base: OpenedSource, patches: readonly KernelPatch[], configs: readonly string[], context: SourceContext,
): Promise<PreparedSource> => {
  await using stack = new AsyncDisposableStack()
  // Until it is copied, the source must stay as it is.
  await using from = await base.prepare(configs)
  const slot = patchedSlot(from)
  stack.use(await lockSlot(slot, `patches on ${from.record.version}`, context))
  const { holds, touched } = await patch(from, slot, patches, configs, context)
  const held = stack.move()
  return {
    record: patchedRecord(from.record, patches), key: patchedKey(from.key, patches), configKey: kconfigKey(holds), slot, patchedPaths: touched,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Throws yours/PATCH_DOES_NOT_APPLY when a series does not apply to a source, before anything is made of it. */
export const checkPatches = async (base: OpenedSource, patches: readonly KernelPatch[], context: SourceContext): Promise<void> => {
  await using from = await base.prepare([])
  await using _ = await applyAside(from, patches, context)
}

/** The files that a series touches, as they are with it: beside the source, until disposed. */
interface Overlay extends AsyncDisposable {
  readonly overlay: string
  readonly touched: ReadonlySet<string>
}

const applyAside = async (from: PreparedSource, patches: readonly KernelPatch[], context: SourceContext): Promise<Overlay> => {
  const parent = `${patchedSlot(from).folder}.scratch`
  await mkdir(parent, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const scratch = stack.adopt(await mkdtemp(join(parent, 'patch-')), (path) => rm(path, { recursive: true, force: true }))
  const overlay = join(scratch, 'tree')
  await mkdir(overlay)
  context.onText(`applying ${countText(patches.length, 'patch', 'patches')}`)
  const touched = new Set(await applyPatches(from.slot.tree, sourceName(from.record), patches, overlay, context))
  const held = stack.move()
  return { overlay, touched, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const patchedSlot = (from: PreparedSource): SourceSlot => sourceSlot(`${from.slot.name}+patched`)

const patch = async (
  from: PreparedSource, slot: SourceSlot, patches: readonly KernelPatch[], configs: readonly string[], context: SourceContext,
): Promise<{ readonly holds: TreeSnapshot; readonly touched: ReadonlySet<string> }> => {
  await using applied = await applyAside(from, patches, context)
  const { overlay, touched } = applied
  return await namingFullDisk('copying the source', slot.folder, async () => {
    if (!existsSync(slot.folder)) await seedFrom(from.slot, slot, configs, context)
    await mkdir(slot.folder, { recursive: true })
    const wanted = await overlaid(await holdingsOf(from.slot, context.signal), overlay, touched)
    const source = (path: string) => (touched.has(path) ? overlay : from.slot.tree)
    const { holds } = await bringForward(source, wanted, { tree: slot.tree, record: slot.holds }, context.signal)
    return { holds, touched }
  })
}

/** For a person who reads that a patch does not apply to it. */
const sourceName = (record: SourceRecord): string => {
  switch (record.kind) {
    case 'debian': return `${record.package} ${record.version}`
    case 'git-url': return `${record.url} ${record.version}`
    case 'tarball': return record.version
    case 'git':
    case 'tree': return `${record.dir} ${record.version}`
  }
}

const overlaid = async (holds: TreeSnapshot, overlay: string, touched: ReadonlySet<string>): Promise<TreeSnapshot> => {
  const files = new Map(holds)
  for (const path of touched) {
    const file = await overlayFile(overlay, path)
    if (file === undefined) files.delete(path)
    else files.set(path, { kind: file.executable ? 'executable' : 'file', hash: hash('sha256', file.bytes), stamp: '' } satisfies TreeFile)
  }
  return new Map([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
