import { readFile } from 'node:fs/promises'
import { openSearch, type Search } from '../bisect/open-search.ts'
import type { Place } from '../bisect/wrong-places.ts'
import { loadConfig } from '../config/load-config.ts'
import type { ConfigSpec, KernelSpec, ResolvedConfig } from '../config/resolved-config.ts'
import { configOfFile } from '../config/with-fragments.ts'
import { withTree } from '../config/with-tree.ts'
import { type LabError, yours } from '../host/errors.ts'
import { suggestion } from '../host/nearest-name.ts'
import { openStepReporters } from '../report/open-reporters.ts'
import { type Paint, painter, terminalKind } from '../report/paint.ts'
import { shellWord } from '../report/rerun-command.ts'
import { searchLine } from '../report/search-lines.ts'
import { openTools } from '../toolbox/open-tools.ts'
import type { Tools } from '../toolbox/tools.ts'
import { notice } from './notice.ts'

export interface BisectFlags {
  readonly tree?: string
  readonly good?: string
  readonly bad?: string
  readonly patch?: readonly string[]
  readonly config?: readonly string[]
  readonly kernel?: string
  readonly machine?: string
  readonly suite?: string
  readonly case?: string
  readonly workers?: number
  readonly accel: 'auto' | 'kvm' | 'tcg'
}

/** What all kinds of bisect share. */
export interface BisectSession {
  readonly flags: BisectFlags
  /** The lab on the one kernel that is searched, with all its configs or the one that was asked for. */
  readonly config: ResolvedConfig
  readonly kernel: KernelSpec
  readonly signal: AbortSignal
  readonly paint: Paint
  readonly openTools: () => Promise<Tools & AsyncDisposable>
  /** `question`: all that it consists of besides the flags and these configs; what is on disk under the same one goes on. */
  readonly openSearch: (question: unknown, configs: readonly ConfigSpec[]) => Promise<Search>
  readonly print: (lines: readonly string[]) => void
  /** A command of the lab that shows a place. */
  readonly commandFor: (place: Place | undefined, args: readonly string[]) => string
}

export const openSession = async (flags: BisectFlags, signal: AbortSignal, onFailure: (error: LabError) => void): Promise<BisectSession> => {
  const loaded = await loadConfig(undefined, process.cwd())
  const lab = flags.tree === undefined ? loaded : withTree(loaded, flags.tree)
  const kernel = oneKernel(lab.kernels, flags.kernel)
  const config: ResolvedConfig = { ...lab, kernels: [kernel], configs: flags.config?.length === 1 ? flags.config.map((name) => configNamed(name, lab)) : lab.configs }
  const paint = painter(terminalKind(process.stdout.isTTY, process.env).color)
  const print = (lines: readonly string[]) => { process.stdout.write(lines.map((line) => `${line}\n`).join('')) }
  const { machine, suite, case: caseText, workers, accel } = flags
  const told = new Set<string>()
  return {
    flags, config, kernel, signal, paint, print,
    openTools: () => openTools(config.tools, { notice, signal }),
    openSearch: async (question, configs) => openSearch({
      home: config.dir,
      question: [question, await fragmentTexts([...configs.flatMap(({ fragments }) => fragments), config.baseConfig]), config.machines, config.suites, machine, suite, caseText],
      run: {
        selection: { machine, suite, case: caseText }, isolate: 'cell', workers, accel, signal,
        openReporters: (dir) => openStepReporters(dir, { stream: process.stdout, env: process.env, onFailure }, told),
      },
      onEvent: (event) => { print([searchLine(event, paint)]) },
    }),
    commandFor: (place, args) => showingCommand(flags, place, args),
  }
}

/** A config of the lab by its name, or a file that is one. Throws yours/UNKNOWN_NAME, NO_FRAGMENT. */
export const configNamed = (asked: string, { configs }: ResolvedConfig): ConfigSpec => {
  const found = configs.find(({ name }) => name === asked) ?? configOfFile(asked, process.cwd())
  if (found !== undefined) return found
  const names = configs.map(({ name }) => name)
  throw yours('UNKNOWN_NAME', `there is no config ${asked}${suggestion(asked, names)}`, { hint: `the lab has ${names.join(', ')}; or say a file` })
}

const oneKernel = (kernels: readonly KernelSpec[], asked: string | undefined): KernelSpec => {
  const names = kernels.map(({ name }) => name)
  const found = asked === undefined ? kernels : kernels.filter(({ name }) => name === asked)
  const [kernel] = found
  if (kernel === undefined) throw yours('UNKNOWN_NAME', `there is no kernel ${asked ?? ''}${suggestion(asked ?? '', names)}`, { hint: `the lab has ${names.join(', ')}` })
  if (found.length > 1) throw yours('WHICH_KERNEL', `the lab has ${kernels.length} kernels: ${names.join(', ')}`, { hint: 'say which one with --kernel, or --tree DIR' })
  return kernel
}

const fragmentTexts = (paths: readonly string[]): Promise<readonly string[]> => Promise.all(paths.map((path) => readFile(path, 'utf8')))

/** With the kernel and the config as they were said; `args` may say the kernel more closely. */
const showingCommand = ({ tree, kernel, config = [] }: BisectFlags, place: Place | undefined, args: readonly string[]): string => [
  './lab', 'run',
  ...(tree === undefined ? [] : ['--tree', tree]),
  ...(kernel === undefined || args.includes('--kernel') ? [] : ['--kernel', kernel]),
  ...args,
  ...(place === undefined ? [] : ['--config', config[0] ?? place.config, '--machine', place.machine, ...(place.case === null ? [] : ['--case', place.case])]),
].map(shellWord).join(' ')
