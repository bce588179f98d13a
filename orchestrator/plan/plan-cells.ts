import { isPrebuilt, OWN_CONFIG } from '../config/own-config.ts'
import { nameWithoutPatches } from '../config/with-patches.ts'
import { countText } from '../host/count-text.ts'
import { suggestion } from '../host/nearest-name.ts'
import { type LabError, yours } from '../host/errors.ts'
import { matchesName } from './matches-name.ts'
import type { ConfigSpec, Exclusion, KernelSpec, ResolvedConfig } from '../config/resolved-config.ts'
import type { Cell, Plan } from './plan.ts'

/** Which cells to take: names or globs; what is left out matches everything. */
export interface CellFilter {
  readonly kernel?: string | undefined
  readonly config?: string | undefined
  readonly machine?: string | undefined
  /** Also the configs and machines that are there on request only. */
  readonly all?: boolean | undefined
  readonly shard?: Shard | undefined
}

/** Part `index` of `count`, counted from 1. */
export interface Shard {
  readonly index: number
  readonly count: number
}

/**
 * The cells of a config in its own order (kernel, then config, then machine), filtered, and those that its `exclude` takes away.
 * A prebuilt kernel has one config, its own.
 * Throws LabError yours: UNKNOWN_NAME for a filter that matches nothing, NO_CELLS when nothing is left, PREBUILT_KERNEL for patches on one.
 */
export const planCells = (config: ResolvedConfig, filter: CellFilter = {}): { readonly cells: readonly Cell[]; readonly excluded: Plan['excluded'] } => {
  const kernels = config.kernels.filter(chosen('kernel', filter.kernel, config.kernels))
  const configs = configsOf(config.kernels, config)
  const isChosen = requested('config', filter, configs)
  const machines = config.machines.filter(requested('machine', filter, config.machines))
  if (configs.length > 0 && !configs.some(isChosen)) throw yours('NO_CELLS', 'no cell is left: every config is there on request only', { hint: `name one: --config ${configs[0]?.name ?? ''}` })
  if (machines.length === 0) throw yours('NO_CELLS', 'no cell is left: every machine of the config is there on request only', { hint: `name one: --machine ${config.machines[0]?.name ?? ''}` })
  const asked = kernels.flatMap((kernel) =>
    configsOf([kernel], config).filter(isChosen).flatMap((fragments) =>
      machines.map((machine): Cell => ({
        id: `${kernel.name}/${fragments.name}/${machine.name}`,
        kernel,
        config: fragments,
        machine,
      }))))
  if (asked.length === 0) throw noConfig(kernels, config, filter)
  refusePatched(asked)
  const excluded = asked.flatMap((cell) => {
    const exclusion = config.exclude.find((candidate) => excludes(candidate, cell))
    return exclusion === undefined ? [] : [{ id: cell.id, because: exclusion.because }]
  })
  const gone = new Set(excluded.map(({ id }) => id))
  const left = asked.filter(({ id }) => !gone.has(id))
  if (left.length === 0) {
    throw yours('NO_CELLS', `no cell is left: the config excludes ${excluded.slice(0, 6).map(({ id, because }) => `${id} (${because})`).join(', ')}`, {
      hint: './lab plan without filters shows every cell',
    })
  }
  return { cells: takeShard(left, filter.shard), excluded }
}

/** The configs that some of these kernels are judged with. */
const configsOf = (kernels: readonly KernelSpec[], { configs }: ResolvedConfig): readonly ConfigSpec[] => [
  ...(kernels.some(({ source }) => !isPrebuilt(source)) ? configs : []),
  ...(kernels.some(({ source }) => isPrebuilt(source)) ? [OWN_CONFIG] : []),
]

const noConfig = (kernels: readonly KernelSpec[], config: ResolvedConfig, filter: CellFilter): LabError => {
  const names = configsOf(kernels, config).map(({ name }) => name)
  const what = kernels.map(({ name }) => name).join(', ')
  return names.length === 0
    ? yours('NO_CELLS', `no cell is left: ${what} must be built, and the config's \`configs\` is empty`, { hint: 'name a config with fragments of kernel-configs/ in lab.config.ts' })
    : yours('NO_CELLS', `no cell is left: ${what} has no config ${filter.config ?? ''}`, { hint: `its configs are ${names.join(', ')}` })
}

const refusePatched = (cells: readonly Cell[]): void => {
  const patched = cells.find(({ kernel }) => isPrebuilt(kernel.source) && kernel.patches.length > 0)
  if (patched === undefined) return
  throw yours('PREBUILT_KERNEL', `${nameWithoutPatches(patched.kernel.name)} is a prebuilt kernel: it cannot be patched`, {
    hint: 'patches need a source: choose another kernel with --kernel, or a tree with --tree DIR',
  })
}

interface OnRequest {
  readonly name: string
  readonly onRequest?: boolean
}

/** What is there on request only is asked for by name or by `all`. */
const requested = (axis: 'config' | 'machine', filter: CellFilter, all: readonly OnRequest[]): ((entry: OnRequest) => boolean) =>
  filter[axis] === undefined ? ({ onRequest = false }) => filter.all === true || !onRequest : chosen(axis, filter[axis], all)

const chosen = (axis: string, pattern: string | undefined, all: readonly { readonly name: string }[]): ((entry: { readonly name: string }) => boolean) => {
  if (pattern === undefined) return () => true
  const names = all.map(({ name }) => name)
  const matches = (name: string) => matchesName(name, pattern) || matchesName(nameWithoutPatches(name), pattern)
  if (!names.some(matches)) {
    throw yours('UNKNOWN_NAME', `no ${axis} matches ${pattern}${suggestion(pattern, names)}`, { hint: `--${axis} takes a name or a glob` })
  }
  return ({ name }) => matches(name)
}

const excludes = (exclusion: Exclusion, cell: Cell): boolean =>
  [undefined, cell.kernel.name, nameWithoutPatches(cell.kernel.name)].includes(exclusion.kernel)
  && (exclusion.config ?? cell.config.name) === cell.config.name
  && (exclusion.machine ?? cell.machine.name) === cell.machine.name

// Neighbours share a kernel build: a shard is a stretch of the plan, not every n-th cell.
const takeShard = (cells: readonly Cell[], shard: Shard | undefined): readonly Cell[] => {
  if (shard === undefined) return cells
  const { index, count } = shard
  const part = cells.slice(Math.floor((cells.length * (index - 1)) / count), Math.floor((cells.length * index) / count))
  if (part.length > 0) return part
  throw yours('NO_CELLS', `shard ${index}/${count} of ${countText(cells.length, 'cell')} is empty`, {
    hint: `--shard takes I/N with 1 <= I <= N, and N at most ${cells.length} here`,
  })
}
