import type { Tools } from '../toolbox/tools.ts'
import { openDebianSource } from './debian-source.ts'
import { openGitSource, openRemoteSource } from './git-source.ts'
import type { KernelPatch, TreeSource } from './kernel-input.ts'
import { checkPatches, patchedSource } from './patched-source.ts'
import type { SourceSlot } from './source-slot.ts'
import { openTarballSource } from './tarball-source.ts'
import { openTreeSource } from './tree-source.ts'

/** What the results say about where a kernel came from. */
export type SourceRecord =
  | { readonly kind: 'debian'; readonly package: string; /** Of the package: `7.3~rc7-1~exp1`. */ readonly version: string }
  | { readonly kind: 'git'; readonly dir: string; readonly ref: string; /** `make kernelversion` and the commit. */ readonly version: string }
  | { readonly kind: 'git-url'; readonly url: string; readonly ref: string; /** `make kernelversion` and the commit. */ readonly version: string }
  | { readonly kind: 'tarball'; readonly file: string; /** The file's name and the content's hash. */ readonly version: string }
  | { readonly kind: 'tree'; readonly dir: string; /** `make kernelversion` and the content's key. */ readonly version: string }

export interface SourceContext {
  readonly tools: Tools
  readonly signal: AbortSignal
  readonly notice: (text: string) => void
  readonly onText: (text: string) => void
}

/** A source that was looked at, but perhaps not unpacked or copied yet. */
export interface OpenedSource {
  readonly record: SourceRecord
  /** Changes with the content of the source and nothing else. */
  readonly key: string
  /** Unpacks or copies what is not there yet, and locks it. `configs` are the names of those to be built, in order. */
  prepare(configs: readonly string[]): Promise<PreparedSource>
}

/** A source on the disk, locked for as long as it is not disposed. Its key is newer than that of the opened source if the tree changed. */
export interface PreparedSource extends AsyncDisposable {
  readonly record: SourceRecord
  readonly key: string
  /** Changes with what Kconfig reads: its files, scripts and Makefiles. */
  readonly configKey: string
  readonly slot: SourceSlot
  /** Paths that patches change; undefined: there are none on it. */
  readonly patchedPaths?: ReadonlySet<string>
}

/** Throws yours/NOT_A_KERNEL_TREE, TREE_CHANGES, NOT_A_REPOSITORY, NO_SUCH_REF, NO_TARBALL, BAD_TARBALL; lab/NO_NETWORK, NO_SPACE, TOOL_FAILED; prepare() also yours/PATCH_DOES_NOT_APPLY. */
export const openKernelSource = async (source: TreeSource, context: SourceContext, patches: readonly KernelPatch[] = []): Promise<OpenedSource> => {
  const opened = await openUnpatched(source, context)
  return patches.length === 0 ? opened : patchedSource(opened, patches, context)
}

/** Says before anything is built whether a series applies. Throws yours/PATCH_DOES_NOT_APPLY, and what opening the source throws. */
export const checkSeries = async (source: TreeSource, patches: readonly KernelPatch[], context: SourceContext): Promise<void> =>
  checkPatches(await openUnpatched(source, context), patches, context)

const openUnpatched = (source: TreeSource, context: SourceContext): Promise<OpenedSource> => {
  switch (source.kind) {
    case 'debian': return openDebianSource(source.packageGlob, context)
    case 'git': return openGitSource(source.dir, source.ref, context)
    case 'git-url': return openRemoteSource(source.url, source.ref, context)
    case 'tarball': return openTarballSource(source.file, context)
    case 'tree': return openTreeSource(source.dir, context)
  }
}
