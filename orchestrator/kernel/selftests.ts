import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'
import { LabError } from '../host/errors.ts'
import { publishFolder } from '../host/publish.ts'
import { openSharedFolder } from '../host/shared-folder.ts'
import { buildSelftests, RECORD } from './build-selftests.ts'
import { forgetFolders } from './forget-folders.ts'
import { isPrebuilt, type KernelInput } from './kernel-input.ts'
import { openKernelSource, type SourceContext } from './kernel-source.ts'
import { LISTING_HEADER } from './selftest-list.ts'

const word = z.string().regex(/^\w{1,200}$/)

const recordSchema = z.strictObject({
  /** Each a file of the folder, in the order of their names. Tests: undefined when it cannot be asked for them. */
  programs: z.array(z.strictObject({
    name: z.string().regex(/^[\w.+-]{1,100}$/),
    tests: z.array(z.strictObject({ fixture: word, variant: z.union([z.literal(''), word]), test: word })).readonly().optional(),
  })).readonly(),
  /** Symbols that the suite's file `config` asks for. */
  config: z.array(z.string()).readonly(),
  /** Files of the suite in the tree, relative to its folder. */
  sources: z.array(z.string()).readonly(),
})

/** A suite of tools/testing/selftests/ as it was built from a tree. */
export interface Selftests extends z.infer<typeof recordSchema> {
  readonly status: 'built'
  readonly folder: string
}

export type SelftestsOutcome =
  | Selftests
  /** The kernel's fault: the compiler's first error. */
  | { readonly status: 'failed'; readonly because: string; readonly tail: readonly string[] }
  /** There is nothing to build it from. */
  | { readonly status: 'missing'; readonly because: string }

/** What was built stays as it is until this is disposed. */
export type OpenedSelftests = AsyncDisposable & { readonly outcome: SelftestsOutcome }

const FORMAT = 1
const MOST_KEPT = 24

/**
 * The suite of this kernel's tree, with its patches, from the cache or built now: static, and unmodified.
 * Throws what openKernelSource throws; lab/TOOL_MISSING when the tools lack a library that it wants, and what make throws.
 */
export const openSelftests = async (kernel: KernelInput, name: string, context: SourceContext): Promise<OpenedSelftests> => {
  if (isPrebuilt(kernel.source)) return without({ status: 'missing', because: 'a prebuilt kernel comes without the tree that its selftests are built from' })
  const opened = await openKernelSource(kernel.source, context, kernel.patches)
  const folderOf = (key: string): string =>
    cacheDir('kernel', 'selftests', createHash('sha256').update(JSON.stringify([FORMAT, key, name, context.tools.id, LISTING_HEADER])).digest('hex').slice(0, 32))
  await using stack = new AsyncDisposableStack()
  // A tree may have changed since it was looked at: then it is what was copied that counts.
  const prepared = existsSync(folderOf(opened.key)) ? undefined : stack.use(await opened.prepare([]))
  const folder = folderOf(prepared?.key ?? opened.key)
  try {
    const held = await openSharedFolder(folder, {
      signal: context.signal,
      onWait: () => { context.notice(`another lab builds selftests/${name}; waiting for it`) },
      make: async () => {
        const source = prepared ?? stack.use(await opened.prepare([]))
        await publishFolder(folder, (aside) => buildSelftests(source.slot.tree, name, aside, context))
        await forgetFolders(cacheDir('kernel', 'selftests'), MOST_KEPT)
      },
    })
    const record = recordSchema.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8')))
    return { outcome: { status: 'built', folder, ...record }, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
  } catch (error) {
    if (!(error instanceof LabError) || error.kind !== 'kernel') throw error
    return without(error.code === 'NO_SELFTESTS' ? { status: 'missing', because: error.message } : { status: 'failed', because: error.message, tail: error.tail })
  }
}

const without = (outcome: SelftestsOutcome): OpenedSelftests => ({ outcome, [Symbol.asyncDispose]: () => Promise.resolve() })
