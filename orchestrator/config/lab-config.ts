import type { IommuSpec, SlotSpec } from '../machine/machine-spec.ts'
import type { ProgramSuite } from './program-suite.ts'
import type { KernelSource } from './resolved-config.ts'

/** What lab.config.ts exports. Names of kernels, configs and machines become cell ids: `[a-z0-9][a-z0-9._+-]*`, at most 64 characters. */
export interface LabConfig<Kernel extends string = string, Config extends string = string, Machine extends string = string> {
  readonly kernels: Readonly<Record<Kernel, { readonly source: KernelSource }>>
  /**
   * Fragments, merged in this order over base.config: names of kernel-configs/*.config, or paths relative to lab.config.ts. A prebuilt kernel
   * has none of them: its one config is called `own`. One with `onRequest` is built when --config names it, or with --all.
   */
  readonly configs: Readonly<Record<Config, readonly string[] | LabConfigOnRequest>>
  readonly machines: Readonly<Record<Machine, LabMachine>>
  /** Suites to run: names or globs, `native` is every suite of the agent; kselftest(...) and program(...) run on request. Default: native. */
  readonly suites?: readonly (string | ProgramSuite)[] | undefined
  /** Cells that are not run; an axis that is left out matches everything. */
  readonly exclude?: readonly LabExclusion<NoInfer<Kernel>, NoInfer<Config> | 'own', NoInfer<Machine>>[] | undefined
  /** Where QEMU and the compiler come from: a Debian folder that the lab makes, or this host. Default: toolbox. */
  readonly tools?: 'toolbox' | 'host' | undefined
  readonly limits?: LabLimits | undefined
}

export interface LabConfigOnRequest {
  readonly fragments: readonly string[]
  readonly onRequest: boolean
}

export interface LabMachine {
  /** Left out: a machine without IOMMU. */
  readonly iommu?: IommuSpec | undefined
  /** Each stands behind a root port of its own (ivshmem() on the root bus), or with others where a place such as `oneGroup(...)` puts them. */
  readonly devices: readonly SlotSpec[]
  /** Default 1024. */
  readonly memoryMiB?: number | undefined
  /** Default 1. */
  readonly cpus?: number | undefined
  /** Judged only when `--machine` names it. Default false. */
  readonly onRequest?: boolean | undefined
  /** Path of the QEMU to run it with, absolute or relative to lab.config.ts. Default: that of `tools`, or one that the lab builds when a device needs it. */
  readonly qemu?: string | undefined
}

export interface LabExclusion<Kernel extends string = string, Config extends string = string, Machine extends string = string> {
  readonly kernel?: Kernel | undefined
  readonly config?: Config | undefined
  readonly machine?: Machine | undefined
  readonly because: string
}

export interface LabLimits {
  /** Seconds from QEMU's start to an agent that answers, without hardware virtualisation. Default 60. */
  readonly bootSeconds?: number | undefined
  /** Minutes for one whole kernel build. Default 90. */
  readonly buildMinutes?: number | undefined
  /** Most that the built kernels of all runs may take in the cache, about 26 MB each; the least used go first. Default 4. */
  readonly storeGiB?: number | undefined
  /** Most source trees that are kept in the cache with their objects, 2 GB each; the least used go first. Default 8. */
  readonly sourceTrees?: number | undefined
}
