import { existsSync } from 'node:fs'
import { publishFolder } from '../host/publish.ts'
import type { OpenedSource, PreparedSource, SourceContext, SourceRecord } from './kernel-source.ts'
import { lockSlot } from './lock-slot.ts'
import type { SourceSlot } from './source-slot.ts'

export interface Archive {
  readonly record: SourceRecord
  /** Of its content. */
  readonly key: string
  readonly slot: SourceSlot
  /** As a person knows it. */
  readonly name: string
  /** Into `<aside>/tree`. */
  readonly unpack: (aside: string) => Promise<void>
}

/** A source that comes as an archive: unpacked once, and never changed. */
export const unpackedSource = (archive: Archive, context: SourceContext): OpenedSource =>
  ({ record: archive.record, key: archive.key, prepare: () => prepare(archive, context) })

const prepare = async ({ record, key, slot, name, unpack }: Archive, context: SourceContext): Promise<PreparedSource> => {
  await using stack = new AsyncDisposableStack()
  stack.use(await lockSlot(slot, name, context))
  if (!existsSync(slot.folder)) {
    context.onText(`unpacking ${name}`)
    await publishFolder(slot.folder, unpack)
  }
  const held = stack.move()
  return { record, key, configKey: key, slot, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
