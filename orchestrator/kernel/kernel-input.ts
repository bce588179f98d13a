/** Where a kernel's source comes from. */
export type KernelSource =
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
