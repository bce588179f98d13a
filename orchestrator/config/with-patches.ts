import type { KernelPatch, ResolvedConfig } from './resolved-config.ts'

const SUFFIX = '+patched'

/** The name in the config of a kernel that may have patches on it. */
export const nameWithoutPatches = (name: string): string => (name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name)

/** The same lab on its kernels with a series on each: `--patch`. With `base` the kernels without it stay and come first. */
export const withPatches = (config: ResolvedConfig, patches: readonly KernelPatch[], { base }: { readonly base: boolean }): ResolvedConfig => ({
  ...config,
  kernels: config.kernels.flatMap((kernel) => [
    ...(base ? [kernel] : []),
    { ...kernel, name: `${kernel.name}${SUFFIX}`, patches: [...kernel.patches, ...patches] },
  ]),
})
