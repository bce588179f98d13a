import { hashFile } from '../host/hash-file.ts'
import { lock } from '../host/lock.ts'
import { openDebianImage, unpackedFolder } from './debian-image.ts'
import { type ExaminedKernel, examinePrebuilt } from './examine-prebuilt.ts'
import type { PrebuiltPaths, PrebuiltSource } from './kernel-input.ts'
import type { SourceContext } from './kernel-source.ts'
import { forgetKernels, leaseKernel, type StoredKernel, storeKey, storePrebuilt } from './kernel-store.ts'
import { moduleName } from './load-order.ts'
import { layPlainModules } from './plain-modules.ts'

/** What the results say about where a prebuilt kernel came from. */
export type PrebuiltRecord =
  | { readonly kind: 'prebuilt'; readonly bzImage: string; /** The release and the content's key. */ readonly version: string }
  | { readonly kind: 'debian-image'; readonly package: string; /** Of the package. */ readonly version: string }

/** A prebuilt kernel that was looked at, but perhaps not unpacked yet. */
export interface PrebuiltKernel {
  readonly record: PrebuiltRecord
  /** Changes with the content and nothing else: the key in the kernel store. */
  readonly key: string
  /** The kernel's files, until disposed. Called by one lab at a time. */
  readonly prepare: () => Promise<ExaminedKernel & AsyncDisposable>
}

export interface OpenedPrebuilt {
  readonly record: PrebuiltRecord
  readonly stored: StoredKernel
}

/**
 * A prebuilt kernel in the kernel store, as if it had been built. Throws yours/PREBUILT_IMAGE, PREBUILT_CONFIG, PREBUILT_MODULES,
 * PREBUILT_HEADERS, NO_IMAGE_PACKAGE; lab/NO_NETWORK, NO_SPACE, TOOL_FAILED.
 */
export const openPrebuilt = async (source: PrebuiltSource, limits: { readonly storeBytes: number }, context: SourceContext): Promise<OpenedPrebuilt> => {
  const { record, key, prepare } = source.kind === 'prebuilt' ? await openFiles(source, context) : await openDebianImage(source.packageGlob, context)
  const before = await leaseKernel(key, context.signal)
  if (before !== undefined) return { record, stored: before }
  await using _ = await lock(`${unpackedFolder(key)}.lock`, {
    signal: context.signal,
    onWait: () => { context.notice(`another lab unpacks the kernel ${record.version}; waiting for it`) },
  })
  const meanwhile = await leaseKernel(key, context.signal)
  if (meanwhile !== undefined) return { record, stored: meanwhile }
  {
    await using kernel = await prepare()
    await storePrebuilt(key, kernel, (folder) => layPlainModules(kernel.modules, folder, context))
  }
  const stored = await leaseKernel(key, context.signal)
  if (stored === undefined) throw new Error(`the kernel store lost ${key}`)
  await forgetKernels(limits.storeBytes)
  return { record, stored }
}

const openFiles = async (paths: PrebuiltPaths, { onText, signal }: SourceContext): Promise<PrebuiltKernel> => {
  onText(`reading ${paths.bzImage}`)
  const kernel = await examinePrebuilt(paths)
  const hashes: string[] = []
  for (const path of [kernel.bzImage, kernel.dotConfig, ...kernel.modules]) hashes.push((await hashFile(path, signal)).toString('hex'))
  const key = storeKey(kernel.release, kernel.facts, kernel.modules.map(moduleName), hashes)
  const record: PrebuiltRecord = { kind: 'prebuilt', bzImage: paths.bzImage, version: `${kernel.release} (${key.slice(0, 12)})` }
  return { record, key, prepare: () => Promise.resolve({ ...kernel, [Symbol.asyncDispose]: () => Promise.resolve() }) }
}
