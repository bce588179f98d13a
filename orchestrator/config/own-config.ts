import type { ConfigSpec, KernelSource } from './resolved-config.ts'

/** The one config that a prebuilt kernel is judged with: what it was built with. Nobody else's config has this name. */
export const OWN_CONFIG: ConfigSpec = { name: 'own', fragments: [] }

/** Whether a kernel comes built: it has its own config instead of the lab's, and takes no patch. */
export const isPrebuilt = (source: KernelSource): source is Extract<KernelSource, { readonly kind: 'prebuilt' | 'debian-image' }> =>
  source.kind === 'prebuilt' || source.kind === 'debian-image'
