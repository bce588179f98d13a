/** Where a kernel comes from that is built here. */
export type TreeSource =
  /** Debian's newest source package that matches the glob. */
  | { readonly kind: 'debian'; readonly packageGlob: string }
  /** A commit of a git repository on this host, absolute path; it is never written to. */
  | { readonly kind: 'git'; readonly dir: string; readonly ref: string }
  /** A branch, a tag or a commit (in full) of a git repository on the network. */
  | { readonly kind: 'git-url'; readonly url: string; readonly ref: string }
  /** A tarball of a kernel tree on this host, absolute path. */
  | { readonly kind: 'tarball'; readonly file: string }
  /** A kernel tree on this host, absolute path; it is never written to. */
  | { readonly kind: 'tree'; readonly dir: string }

/** A kernel that is built already: nothing of it is configured, compiled or patched. */
export type PrebuiltSource =
  | PrebuiltPaths
  /** Debian's newest image package that matches the glob. */
  | { readonly kind: 'debian-image'; readonly packageGlob: string }

/** Files of this host, absolute paths. */
export interface PrebuiltPaths {
  readonly kind: 'prebuilt'
  readonly bzImage: string
  readonly config: string
  /** The folder /lib/modules/<release> of this kernel. */
  readonly modules?: string | undefined
  /** Holds linux/vfio.h, or include/uapi/linux/vfio.h. Default: what the modules folder leads to. */
  readonly headers?: string | undefined
}

export type KernelSource = TreeSource | PrebuiltSource

export const isPrebuilt = (source: KernelSource): source is PrebuiltSource => source.kind === 'prebuilt' || source.kind === 'debian-image'

/** One patch, applied with -p1. */
export interface KernelPatch {
  /** The mail's subject without its prefix, or the file's name. */
  readonly title: string
  /** A unified diff and what stands around it; bytes as Latin-1 characters. */
  readonly text: string
}

/** What this floor reads of a kernel of the lab's config. */
export interface KernelInput {
  readonly name: string
  readonly source: KernelSource
  /** Applied in this order to a copy of the source. */
  readonly patches: readonly KernelPatch[]
}

/** What this floor reads of a config of the lab's config. */
export interface ConfigInput {
  readonly name: string
  /** Absolute paths of fragments, merged in this order over the base; the last line about a symbol wins. */
  readonly fragments: readonly string[]
}
