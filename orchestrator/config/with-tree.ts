import { resolve } from 'node:path'
import type { ResolvedConfig } from './resolved-config.ts'

/** The same lab on one kernel tree instead of the config's kernels: `--tree DIR`. The folder is checked where it is read, in kernel/. */
export const withTree = (config: ResolvedConfig, dir: string): ResolvedConfig => ({
  ...config,
  kernels: [{ name: 'tree', source: { kind: 'tree', dir: resolve(dir) }, patches: [] }],
})
