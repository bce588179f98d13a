import type { ProgramSuite } from './program-suite.ts'
import type { MachineSpec } from '../machine/machine-spec.ts'

/** Where a kernel comes from. */
export type KernelSource =
  /** Debian's newest source package that matches the glob, e.g. `linux-source-*` or `linux-source-7.2`. */
  | { readonly kind: 'debian'; readonly packageGlob: string }
  /** A commit of a git repository on this host, absolute path; it is never written to. */
  | { readonly kind: 'git'; readonly dir: string; readonly ref: string }
  /** A branch, a tag or a commit (in full) of a git repository on the network. */
  | { readonly kind: 'git-url'; readonly url: string; readonly ref: string }
  /** A tarball of a kernel tree on this host, absolute path. */
  | { readonly kind: 'tarball'; readonly file: string }
  /** A kernel tree on this host, absolute path; it is never written to. */
  | { readonly kind: 'tree'; readonly dir: string }
  /** A kernel that is built already: bzImage and .config, its /lib/modules/<release>, a folder with its uapi headers; absolute paths. */
  | { readonly kind: 'prebuilt'; readonly bzImage: string; readonly config: string; readonly modules?: string | undefined; readonly headers?: string | undefined }
  /** The kernel of Debian's newest image package that matches the glob, e.g. `linux-image-*-amd64`. */
  | { readonly kind: 'debian-image'; readonly packageGlob: string }

/** One patch, applied with -p1. */
export interface KernelPatch {
  /** The mail's subject without its prefix, or the file's name. */
  readonly title: string
  /** A unified diff and what stands around it; bytes as Latin-1 characters. */
  readonly text: string
}

export interface KernelSpec {
  /** As in the config; with patches on it `+patched` follows. */
  readonly name: string
  readonly source: KernelSource
  readonly patches: readonly KernelPatch[]
}

export interface ConfigSpec {
  readonly name: string
  /** Absolute paths of fragments, merged in this order over base.config; the last line about a symbol wins. */
  readonly fragments: readonly string[]
  /** Only when it is named, or with --all. */
  readonly onRequest?: true
}

export interface Exclusion {
  readonly kernel?: string
  readonly config?: string
  readonly machine?: string
  readonly because: string
}

export interface Limits {
  /** From QEMU's start to an agent that answers, under TCG; with KVM a quarter of it. Milliseconds. */
  readonly bootMs: number
  /** For one whole kernel build, milliseconds. */
  readonly buildMs: number
  /** For all kernels that are kept for another run. */
  readonly storeBytes: number
  /** Source trees that are kept for another run. */
  readonly sourceTrees: number
}

/** The user's config with every default filled in: paths absolute, nothing optional, names checked. */
export interface ResolvedConfig {
  /** The folder of lab.config.ts; the run folder is `<dir>/.lab/runs/<id>`. */
  readonly dir: string
  readonly tools: 'toolbox' | 'host'
  readonly kernels: readonly KernelSpec[]
  /** Absolute path of base.config. */
  readonly baseConfig: string
  readonly configs: readonly ConfigSpec[]
  readonly machines: readonly MachineSpec[]
  /** Suites to run: `native` is every suite of the agent. */
  readonly suites: readonly string[]
  /** Suites that are no part of the agent. */
  readonly programs: readonly ProgramSuite[]
  readonly exclude: readonly Exclusion[]
  readonly limits: Limits
}
