import { yours } from '../host/errors.ts'
import { buildConfigs, type BuildOptions } from './build-configs.ts'
import type { KernelOutcome } from './built-kernel.ts'
import type { FragmentLine } from './fragment.ts'
import { type Kconfig, readKconfig } from './kconfig.ts'
import { type ConfigInput, isPrebuilt, type KernelInput } from './kernel-input.ts'
import { openKernelSource } from './kernel-source.ts'
import { readFragment } from './read-fragment.ts'

/** One kernel source, to be asked what its Kconfig makes of a config. Nothing is compiled. */
export interface KernelConfigs {
  readonly kconfig: Kconfig
  /** What the lab asks of every kernel before its config. */
  readonly base: readonly FragmentLine[]
  configure(config: ConfigInput): Promise<KernelOutcome>
}

/** Throws what building throws before it compiles (build-configs.ts). */
export const openKernelConfigs = async (kernel: KernelInput, options: Omit<BuildOptions, 'upTo'>): Promise<KernelConfigs> => {
  if (isPrebuilt(kernel.source)) throw yours('PREBUILT_KERNEL', `${kernel.name} is a prebuilt kernel: it has no other config than its own`, { hint: 'configs need a source: choose another kernel with --kernel, or a tree with --tree DIR' })
  const opened = await openKernelSource(kernel.source, { ...options, onText: () => undefined }, kernel.patches)
  await using source = await opened.prepare([])
  const kconfig = await readKconfig(source.slot.tree, options.signal)
  const { lines: base } = await readFragment(options.baseConfig)
  return {
    kconfig,
    base,
    configure: async (config) => {
      await using builds = await buildConfigs(kernel, [config], { ...options, upTo: 'configured' })
      const outcome = builds.outcomes.get(config.name)
      if (outcome === undefined) throw new Error(`no outcome for ${config.name}`)
      return outcome
    },
  }
}
