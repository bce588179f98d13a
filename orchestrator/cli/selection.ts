import { InvalidArgumentError, type Command } from 'commander'

/** The flags that choose cells and cases; the same for run, plan and list. */
export interface SelectionFlags {
  readonly kernel?: string
  readonly config?: string
  readonly machine?: string
  readonly suite?: string
  readonly case?: string
  readonly shard?: Shard
  readonly tree?: string
}

export interface Shard {
  readonly index: number
  readonly count: number
}

export const addSelectionFlags = (command: Command): Command =>
  command
    .option('--kernel <name>', 'only this kernel (a name or a glob)')
    .option('--config <name>', 'only this config (a name or a glob)')
    .option('--machine <name>', 'only this machine (a name or a glob)')
    .option('--suite <glob>', 'only suites that match')
    .option('--case <text>', 'only cases whose id contains the text')
    .option('--tree <dir>', 'judge the kernel tree in this folder instead of the configured kernels')
    .option('--shard <i/n>', 'only the i-th of n parts of the cells', parseShard)

const parseShard = (text: string): Shard => {
  const match = /^(\d+)\/(\d+)$/.exec(text)
  const index = Number(match?.[1])
  const count = Number(match?.[2])
  if (!(index >= 1 && index <= count)) throw new InvalidArgumentError('two whole numbers, like 1/3')
  return { index, count }
}
