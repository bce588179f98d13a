import { resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfig } from '../config/load-config.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { type PatchedStates, withPatches } from '../config/with-patches.ts'
import { configOfFile, withFragments } from '../config/with-fragments.ts'
import { withTree } from '../config/with-tree.ts'
import { yours } from '../host/errors.ts'
import { readRange } from '../kernel/git-range.ts'
import { readPatches } from '../kernel/read-patches.ts'
import type { CellFilter, Shard } from '../plan/plan-cells.ts'
import type { CaseFilter } from '../plan/select-cases.ts'
import { openTools } from '../toolbox/open-tools.ts'
import { notice } from './notice.ts'

/** The flags that choose cells and cases; the same for run, plan and list. */
export interface SelectionFlags {
  readonly kernel?: string
  readonly config?: string
  readonly machine?: string
  readonly suite?: string
  readonly case?: string
  readonly shard?: Shard
  readonly fragment?: readonly string[]
  readonly tree?: string
  readonly patch?: readonly string[]
  readonly range?: string
  readonly base?: true
  readonly each?: true
  readonly all?: true
}

/** What a run or a plan is about. */
export interface Selected {
  readonly config: ResolvedConfig
  readonly selection: CellFilter & CaseFilter
}

/** The config of the working folder (or the project's own) with the flags that change what it says, and those that choose among it. */
export const selected = async (flags: SelectionFlags, signal: AbortSignal): Promise<Selected> => {
  const { config, selection } = chosenConfigs(await loadConfig(undefined, process.cwd()), flags)
  return { config: await chosenKernels(config, flags, signal), selection }
}

/** `--config` may name a file, which then is the only config; `--fragment` goes over each. */
const chosenConfigs = (config: ResolvedConfig, { fragment = [], ...flags }: SelectionFlags): Selected => {
  const file = flags.config === undefined ? undefined : configOfFile(flags.config, process.cwd())
  const own = file === undefined ? config : { ...config, configs: [file] }
  return { config: withFragments(own, fragment, process.cwd()), selection: file === undefined ? flags : { ...flags, config: file.name } }
}

const chosenKernels = async (config: ResolvedConfig, { tree, patch, range, base, each }: SelectionFlags, signal: AbortSignal): Promise<ResolvedConfig> => {
  const states = { base: base === true, each: each === true }
  const own = tree === undefined ? config : withTree(config, tree)
  if (range !== undefined) return rangeConfig(config, { tree, range, states }, signal)
  if (patch !== undefined) return withPatches(own, await readPatches(patch, process.stdin), states)
  if (states.base || states.each) throw yours('NO_PATCHES', `--${states.base ? 'base' : 'each'} is about patches, and there are none`, { hint: 'say the patches: --patch FILE, or --range A..B' })
  return own
}

interface RangeFlags {
  readonly tree: string | undefined
  readonly range: string
  readonly states: PatchedStates
}

const rangeConfig = async (config: ResolvedConfig, { tree, range, states }: RangeFlags, signal: AbortSignal): Promise<ResolvedConfig> => {
  if (tree === undefined) throw yours('RANGE_OF_NOTHING', '--range names commits of a tree, and there is none', { hint: 'say the git tree: --tree DIR --range A..B' })
  const dir = resolve(tree)
  await using tools = await openTools(config.tools, { notice, signal })
  const found = await readRange(dir, range, tools, signal)
  return withPatches({ ...config, kernels: [{ name: 'tree', source: { kind: 'git', dir, ref: found.base }, patches: [] }] }, found.patches, states)
}

export const addSelectionFlags = (command: Command): Command =>
  addKernelFlags(command
    .option('--kernel <name>', 'only this kernel (a name or a glob)', once(ONE_GLOB))
    .option('--config <name>', 'only this config (a name or a glob), or a file: a fragment or a .config', once(ONE_GLOB))
    .option('--machine <name>', 'only this machine (a name or a glob)', once(ONE_GLOB))
    .option('--suite <glob>', 'only suites that match', once(ONE_GLOB))
    .option('--case <text>', 'only cases whose id contains the text', once('takes one text')))
    .option('--all', 'also the configs, machines and suites that are there on request')
    .option('--base', 'judge the kernel without the patches as well')
    .option('--each', 'judge the kernel after every patch of the series, and say which one breaks something')
    .option('--shard <i/n>', 'only the i-th of n parts of the cells', parseShard)

/** Those that say what kernel it is about. */
export const addKernelFlags = (command: Command): Command =>
  command
    .option('--fragment <file>', 'merge this fragment over every config; may be repeated', repeated)
    .option('--tree <dir>', 'judge the kernel tree in this folder instead of the configured kernels')
    .option('--patch <path>', 'put these patches on the kernel: a file, an mbox, a folder, a quilt series, - for standard input; may be repeated', repeated)
    .addOption(new Option('--range <a..b>', 'judge these commits of the git tree --tree, as patches on the first').conflicts('patch'))

/** For a flag that may be repeated. */
export const repeated = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** For a flag that would silently forget what it said before. */
const once = (takes: string) => (value: string, before?: string): string => {
  if (before !== undefined) throw new InvalidArgumentError(`it was ${before} before, and ${takes}`)
  return value
}
const ONE_GLOB = "takes one name or glob, like '{one,other}'"

const parseShard = (text: string): Shard => {
  const match = /^(\d+)\/(\d+)$/.exec(text)
  const index = Number(match?.[1])
  const count = Number(match?.[2])
  if (!(index >= 1 && index <= count)) throw new InvalidArgumentError('two whole numbers, like 1/3')
  return { index, count }
}
