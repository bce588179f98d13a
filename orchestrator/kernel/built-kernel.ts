import type { BuildWarning } from './build-warnings.ts'
import type { UapiHeaders } from './uapi-names.ts'

/** What the tree and the built .config say the kernel has. Nothing here comes from the release's name. */
export interface KernelFacts {
  /** Symbol without CONFIG_ -> value as in .config; not-set symbols are missing. */
  readonly config: Readonly<Record<string, string>>
  /** Names #defined or enumerated in include/uapi/linux/{vfio,iommufd}.h. */
  readonly uapi: readonly string[]
}

/** A symbol that was asked for and did not come out of olddefconfig as asked. */
export interface LostSymbol {
  readonly symbol: string
  readonly asked: string
  readonly got: string
  /** File name of the fragment that asked, e.g. `noiommu.config`. */
  readonly fragment: string
  /** The dependency that is not met, in Kconfig's words with the values found, e.g. `VFIO_GROUP (=n) || ...`. */
  readonly unmet: string
}

/** A conditional line that was not asked for, because the tree does not define the condition's symbol. */
export interface NotAskedSymbol {
  readonly symbol: string
  readonly asked: string
  readonly fragment: string
  /** The symbol that the tree lacks. */
  readonly where: string
}

/** An entry of the kernel store; the files exist, whole, for as long as the lease of this entry is held. */
export interface BuiltKernel {
  readonly status: 'built'
  /** The content address: source, config fragments and compiler. */
  readonly key: string
  /** From `make kernelrelease`; of a prebuilt kernel, from its bzImage. */
  readonly release: string
  readonly bzImage: string
  readonly dotConfig: string
  /** Modules that a guest loads before it does anything else, uncompressed, in this order. */
  readonly modules: readonly string[]
  /** A prebuilt kernel comes without it, and without vmlinux. */
  readonly systemMap: string | undefined
  /** With line tables. */
  readonly vmlinux: string | undefined
  readonly facts: KernelFacts
  readonly headers: UapiHeaders
  readonly notAsked: readonly NotAskedSymbol[]
  readonly warnings: readonly BuildWarning[]
  /** Wall time of the build in milliseconds; 0 when it came from the store. */
  readonly buildMs: number
}

/** The kernel's fault: exit 1, verdict `build-failed` for every cell of this config. */
export interface FailedKernel {
  readonly status: 'build-failed'
  /** One line. */
  readonly because: string
  readonly lost: readonly LostSymbol[]
  readonly notAsked: readonly NotAskedSymbol[]
  /** Facts as far as configuration came, for planning; undefined when there is no .config. */
  readonly facts: KernelFacts | undefined
  readonly release: string
  /** The last lines of the build's output. */
  readonly tail: readonly string[]
  /** As far as the build came. */
  readonly warnings: readonly BuildWarning[]
  readonly buildMs: number
}

/** Configured and not compiled: enough to plan with, nothing to boot. */
export interface ConfiguredKernel {
  readonly status: 'configured'
  readonly facts: KernelFacts
  readonly notAsked: readonly NotAskedSymbol[]
  readonly release: string
  readonly buildMs: number
}

export type KernelOutcome = BuiltKernel | ConfiguredKernel | FailedKernel

/** What a build says while it works. */
export type KernelProgress =
  | { readonly phase: 'source'; readonly text: string }
  | { readonly phase: 'configure'; readonly config: string }
  | { readonly phase: 'compile'; readonly config: string; readonly objects: number }
  | { readonly phase: 'stored'; readonly config: string; readonly buildMs: number; readonly fromStore: boolean }
  | { readonly phase: 'failed'; readonly config: string; readonly because: string }
