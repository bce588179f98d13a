import type { CaseInfo } from '../../guest-agent/protocol.ts'
import { isPrebuilt } from '../config/own-config.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { buildConfigs, type KernelBuilds } from '../kernel/build-configs.ts'
import { checkSeries } from '../kernel/kernel-source.ts'
import { machineArgs } from '../machine/machine-args.ts'
import { machineFacts } from '../machine/machine-facts.ts'
import { planCases } from '../plan/plan-cases.ts'
import type { Cell, Plan } from '../plan/plan.ts'
import type { CaseFilter } from '../plan/select-cases.ts'
import type { Tools } from '../toolbox/tools.ts'
import { checkDevices } from './check-devices.ts'
import type { Emit } from './emit.ts'
import type { MachineQemus } from './machine-qemus.ts'

export interface KernelsToPlan {
  readonly cells: readonly Cell[]
  readonly excluded: Plan['excluded']
  readonly config: ResolvedConfig
  readonly selection: CaseFilter
  readonly catalogue: readonly CaseInfo[]
  readonly tools: Tools
  readonly qemus: MachineQemus
  /** `configured`: for a plan that nothing is compiled for. */
  readonly upTo: 'configured' | 'built'
  readonly signal: AbortSignal
}

/** The plan, and the kernels that it was made on: their files exist until this is disposed. */
export interface PlannedKernels extends AsyncDisposable {
  readonly plan: Plan
  readonly versions: Readonly<Record<string, string>>
}

/** Builds (or only configures) every kernel of these cells, one after the other since each uses all cores, and plans on what they are. */
export const planOnKernels = async (request: KernelsToPlan, emit: Emit): Promise<PlannedKernels> => {
  const { cells, config, selection, catalogue, excluded, qemus } = request
  // Before the time that a build takes: a machine that this QEMU cannot be and a device that cannot be started.
  const served = cells.flatMap(({ machine }) => machineArgs(machine, qemus.of(machine).offer).served)
  await checkDevices(served, request.signal)
  await checkLongestSeries(cells, request, emit)
  await using stack = new AsyncDisposableStack()
  const builds = new Map<string, KernelBuilds>()
  // Those that come built first: what is wrong with their files is said before the time that a build takes.
  const kernels = [...Map.groupBy(cells, ({ kernel }) => kernel.name)].toSorted(([, [a]], [, [b]]) => builtHere(a) - builtHere(b))
  for (const [name, ofKernel] of kernels) {
    builds.set(name, stack.use(await buildOne(name, ofKernel, request, emit)))
  }
  const planned = cells.map((cell) => {
    const outcome = builds.get(cell.kernel.name)?.outcomes.get(cell.config.name)
    if (outcome === undefined) throw new Error(`no kernel for ${cell.id}`)
    return planCases(cell, outcome, machineFacts(cell.machine, qemus.of(cell.machine).offer), catalogue, { suites: config.suites, suite: selection.suite, case: selection.case, all: selection.all })
  })
  const held = stack.move()
  return {
    plan: { cells: planned, excluded },
    versions: Object.fromEntries([...builds].map(([name, { source }]) => [`kernel ${name}`, source.version])),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

const builtHere = (cell: Cell | undefined): number => (cell !== undefined && isPrebuilt(cell.kernel.source) ? 0 : 1)

/** A patch that does not apply is the user's to mend: it is not told after an hour of building what comes before it. */
const checkLongestSeries = async (cells: readonly Cell[], { tools, signal }: KernelsToPlan, emit: Emit): Promise<void> => {
  const kernels = [...new Map(cells.map(({ kernel }) => [kernel.name, kernel])).values()]
  for (const ofSource of Map.groupBy(kernels, ({ source }) => JSON.stringify(source)).values()) {
    const [first] = ofSource
    const longest = ofSource.toSorted((a, b) => b.patches.length - a.patches.length)[0]
    // What is built first says it by itself.
    if (longest === undefined || longest === first) continue
    // Refused before: nothing goes onto a kernel that comes built.
    if (isPrebuilt(longest.source)) continue
    await checkSeries(longest.source, longest.patches, {
      tools, signal,
      notice: (text) => { emit({ event: 'notice', text }) },
      onText: (text) => { emit({ event: 'kernel-progress', kernel: longest.name, progress: { phase: 'source', text } }) },
    })
  }
}

const buildOne = (name: string, cells: readonly Cell[], { config, tools, upTo, signal }: KernelsToPlan, emit: Emit): Promise<KernelBuilds> => {
  const [first] = cells
  if (first === undefined) throw new Error(`the kernel ${name} has no cell`)
  const configs = [...new Map(cells.map((cell) => [cell.config.name, cell.config])).values()]
  return buildConfigs(first.kernel, configs, {
    tools,
    upTo,
    signal,
    baseConfig: config.baseConfig,
    limits: config.limits,
    notice: (text) => { emit({ event: 'notice', text }) },
    onProgress: (progress) => { emit({ event: 'kernel-progress', kernel: name, progress }) },
  })
}
