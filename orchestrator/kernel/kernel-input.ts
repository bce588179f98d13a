/** Where a kernel's source comes from. */
export type KernelSource =
  /** Debian's newest source package that matches the glob. */
  | { readonly kind: 'debian'; readonly packageGlob: string }
  /** A kernel tree on this host, absolute path; it is never written to. */
  | { readonly kind: 'tree'; readonly dir: string }

/** What this floor reads of a kernel of the lab's config. */
export interface KernelInput {
  readonly name: string
  readonly source: KernelSource
}

/** What this floor reads of a config of the lab's config. */
export interface ConfigInput {
  readonly name: string
  /** Absolute paths of fragments, merged in this order over the base; the last line about a symbol wins. */
  readonly fragments: readonly string[]
}
