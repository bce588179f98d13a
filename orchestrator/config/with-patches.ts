import type { KernelPatch, KernelSpec, ResolvedConfig } from './resolved-config.ts'

export interface PatchedStates {
  /** The kernels without the patches stay, and come first. */
  readonly base: boolean
  /** One kernel after every patch, not only after the last. */
  readonly each: boolean
}

/** The name in the config of a kernel that may have patches on it. */
export const nameWithoutPatches = (name: string): string => name.replace(/\+(?:patched|\d+)$/, '')

/** The same lab on its kernels with a series on each: `debian+patched`, or `debian+1`, `debian+2` after every patch. */
export const withPatches = (config: ResolvedConfig, patches: readonly KernelPatch[], { base, each }: PatchedStates): ResolvedConfig => ({
  ...config,
  kernels: config.kernels.flatMap((kernel) => [
    ...(base ? [kernel] : []),
    ...(each
      ? patches.map((_, index) => withSeries(kernel, String(index + 1), patches.slice(0, index + 1)))
      : [withSeries(kernel, 'patched', patches)]),
  ]),
})

const withSeries = (kernel: KernelSpec, suffix: string, patches: readonly KernelPatch[]): KernelSpec =>
  ({ ...kernel, name: `${kernel.name}+${suffix}`, patches: [...kernel.patches, ...patches] })
