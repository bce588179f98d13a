import { InvalidArgumentError, type Command } from 'commander'
import { loadConfig } from '../config/load-config.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { withPatches } from '../config/with-patches.ts'
import { withTree } from '../config/with-tree.ts'
import { yours } from '../host/errors.ts'
import { readPatches } from '../kernel/read-patches.ts'
import type { Shard } from '../plan/plan-cells.ts'

/** The flags that choose cells and cases; the same for run, plan and list. */
export interface SelectionFlags {
  readonly kernel?: string
  readonly config?: string
  readonly machine?: string
  readonly suite?: string
  readonly case?: string
  readonly shard?: Shard
  readonly tree?: string
  readonly patch?: readonly string[]
  readonly base?: true
}

/** The config of the working folder (or the project's own), with the flags that change what it says. */
export const selectedConfig = async ({ tree, patch, base }: SelectionFlags): Promise<ResolvedConfig> => {
  const config = await loadConfig(undefined, process.cwd())
  const own = tree === undefined ? config : withTree(config, tree)
  if (patch !== undefined) return withPatches(own, await readPatches(patch, process.stdin), { base: base === true })
  if (base === true) throw yours('BASE_OF_NOTHING', '--base holds patches against their base, and there are none', { hint: 'say the patches: --patch FILE' })
  return own
}

export const addSelectionFlags = (command: Command): Command =>
  command
    .option('--kernel <name>', 'only this kernel (a name or a glob)')
    .option('--config <name>', 'only this config (a name or a glob)')
    .option('--machine <name>', 'only this machine (a name or a glob)')
    .option('--suite <glob>', 'only suites that match')
    .option('--case <text>', 'only cases whose id contains the text')
    .option('--tree <dir>', 'judge the kernel tree in this folder instead of the configured kernels')
    .option('--patch <path>', 'put these patches on the kernel: a file, an mbox, a folder, a quilt series, - for standard input; may be repeated', (path: string, before?: readonly string[]) => [...before ?? [], path])
    .option('--base', 'judge the kernel without the patches as well')
    .option('--shard <i/n>', 'only the i-th of n parts of the cells', parseShard)

const parseShard = (text: string): Shard => {
  const match = /^(\d+)\/(\d+)$/.exec(text)
  const index = Number(match?.[1])
  const count = Number(match?.[2])
  if (!(index >= 1 && index <= count)) throw new InvalidArgumentError('two whole numbers, like 1/3')
  return { index, count }
}
