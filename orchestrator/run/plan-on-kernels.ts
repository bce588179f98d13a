import type { CaseInfo } from '../../guest-agent/protocol.ts'
import { isPrebuilt } from '../config/own-config.ts'
import { suiteName } from '../config/program-suite.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { buildConfigs, type KernelBuilds } from '../kernel/build-configs.ts'
import { checkSeries } from '../kernel/kernel-source.ts'
import { machineArgs } from '../machine/machine-args.ts'
import { machineFacts } from '../machine/machine-facts.ts'
import { kconfigCase } from '../plan/kconfig-cases.ts'
import { withKnownFailure } from '../plan/known-flaws.ts'
import { planCases } from '../plan/plan-cases.ts'
import { programCases, type ReadySuite } from '../plan/program-cases.ts'
import type { Cell, Plan } from '../plan/plan.ts'
import type { CaseFilter } from '../plan/select-cases.ts'
import { wantedPrograms } from '../plan/wanted-programs.ts'
import type { Tools } from '../toolbox/tools.ts'
import { checkDevices } from './check-devices.ts'
import type { Emit } from './emit.ts'
import type { MachineQemus } from './machine-qemus.ts'
import { readySuites } from './ready-suites.ts'

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
  const suites = new Map<string, readonly ReadySuite[]>()
  const wanted = wantedPrograms(config.programs, selection)
  // Those that come built first: what is wrong with their files is said before the time that a build takes.
  const kernels = [...Map.groupBy(cells, ({ kernel }) => kernel.name)].toSorted(([, [a]], [, [b]]) => builtHere(a) - builtHere(b))
  for (const [name, ofKernel] of kernels) {
    builds.set(name, stack.use(await buildOne(name, ofKernel, request, emit)))
    // Now: the next kernel may be the same source with other patches on it.
    if (wanted.length > 0) suites.set(name, await readySuites(wanted, kernelOf(ofKernel), { ...request, dir: config.dir }, stack, emit))
  }
  const now = Date.now()
  const planned = cells.map((cell) => {
    const outcome = builds.get(cell.kernel.name)?.outcomes.get(cell.config.name)
    if (outcome === undefined) throw new Error(`no kernel for ${cell.id}`)
    const machine = machineFacts(cell.machine, qemus.of(cell.machine).offer)
    const kernel = outcome.facts ?? { config: {}, uapi: [] }
    const programs = (suites.get(cell.kernel.name) ?? []).flatMap((suite) => programCases(suite, { kernel, machine, now }))
    const choice = { suites: [...config.suites, ...wanted.map(suiteName)], suite: selection.suite, case: selection.case, all: selection.all }
    const first = cells.find((one) => one.kernel.name === cell.kernel.name) ?? cell
    const cases = [...catalogue.map((info) => kconfigCase(info, cell, first)), ...programs].map((info) => withKnownFailure(info, machine, now))
    return planCases(cell, outcome, machine, cases, choice)
  })
  const held = stack.move()
  return {
    plan: { cells: planned, excluded },
    versions: Object.fromEntries([...builds].map(([name, { source }]) => [`kernel ${name}`, source.version])),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** That these cells share. */
const kernelOf = ([first]: readonly Cell[]): Cell['kernel'] => {
  if (first === undefined) throw new Error('a kernel without a cell')
  return first.kernel
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
  const configs = [...new Map(cells.map((cell) => [cell.config.name, cell.config])).values()]
  return buildConfigs(kernelOf(cells), configs, {
    tools,
    upTo,
    signal,
    baseConfig: config.baseConfig,
    limits: config.limits,
    notice: (text) => { emit({ event: 'notice', text }) },
    onProgress: (progress) => { emit({ event: 'kernel-progress', kernel: name, progress }) },
  })
}
