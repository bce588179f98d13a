import { randomInt } from 'node:crypto'
import pLimit from 'p-limit'
import { MAX_SEED } from '../../guest-agent/protocol.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { LabError } from '../host/errors.ts'
import { planCells, type CellFilter } from '../plan/plan-cells.ts'
import type { Plan } from '../plan/plan.ts'
import { checkSelection } from '../plan/check-selection.ts'
import type { CaseFilter } from '../plan/select-cases.ts'
import { wantsGuests } from '../plan/wants-guests.ts'
import type { CellResult, Results } from '../verdict/results.ts'
import { summarise } from '../verdict/summarise.ts'
import { emitTo, type Emit } from './emit.ts'
import { type CellWork, judgeOneCell } from './judge-one-cell.ts'
import type { LabEvent } from './lab-event.ts'
import { openBench } from './bench.ts'
import { openMachineQemus } from './machine-qemus.ts'
import { planOnKernels } from './plan-on-kernels.ts'
import { openRunFolder } from './run-folder.ts'
import { savePatches } from './save-patches.ts'
import { startUapiChecks } from './uapi-checks.ts'

export interface RunRequest {
  readonly config: ResolvedConfig
  readonly selection: CellFilter & CaseFilter
  readonly isolate: 'cell' | 'case'
  readonly workers: number | undefined
  /** What cases that choose at random begin with; default: any number, another one each time. */
  readonly seed?: number | undefined
  readonly accel: 'auto' | 'kvm' | 'tcg'
  /** Absolute folder for the results; default: a new one under `.lab/runs` beside the config. */
  readonly out: string | undefined
  /** Called once, when the run has a folder: where its events go from then on. Disposed when the run has ended. */
  openReporters(dir: string): Disposable & { onEvent(event: LabEvent): void }
  readonly signal: AbortSignal
}

/**
 * The main job: from a config to results. Everything that a user got wrong is said before something starts where that is possible;
 * what the kernel did stands in the results; what the lab could not do is thrown (whole run) or stands in the cell it hit.
 */
export const runLab = async (request: RunRequest): Promise<Results> => {
  const { cells, excluded } = planCells(request.config, request.selection)
  const startedAt = new Date()
  await using folder = await openRunFolder(request.config.dir, request.out, startedAt)
  try {
    using reporters = request.openReporters(folder.dir)
    await savePatches(folder.dir, request.config.kernels)
    const emit = emitTo((event) => { reporters.onEvent(event) })
    emit({ event: 'run-start', id: folder.id, startedAt: startedAt.toISOString() })
    const started = performance.now()
    await using bench = await openBench(request, emit)
    // Before a QEMU may have to be built.
    checkSelection(bench.catalogue, request.config, request.selection)
    const notice = (text: string) => { emit({ event: 'notice', text }) }
    await using qemus = await openMachineQemus(cells.map(({ machine }) => machine), bench.tools, { notice, signal: request.signal })
    const upTo = wantsGuests(bench.catalogue, request.config, request.selection) ? 'built' : 'configured'
    await using planned = await planOnKernels({ cells, excluded, upTo, ...request, ...bench, qemus }, emit)
    const { plan } = planned
    emitPlan(plan, emit)
    const uapi = startUapiChecks(plan.cells, { ...bench, signal: request.signal }, emit)
    const results = await judgeCells(plan, request, { bench, qemus, uapi, cellDir: folder.cellDir, emit })
    const end: Omit<Results, 'cells'> = {
      schemaVersion: 1,
      id: folder.id,
      startedAt: startedAt.toISOString(),
      durationMs: Math.round(performance.now() - started),
      accel: bench.accel,
      interrupted: request.signal.aborted,
      summary: summarise(results, plan),
      excluded,
      versions: { ...bench.versions, ...planned.versions },
    }
    emit({ event: 'run-end', results: end })
    return { ...end, cells: results }
  } catch (error) {
    // Nothing was judged: a folder with half a line of events would only be taken for a run.
    if (error instanceof LabError && error.kind === 'yours') await folder.abandon()
    throw error
  }
}

const emitPlan = (plan: Plan, emit: Emit) => {
  const cells = plan.cells.map(({ cell, cases, absent }) => ({ id: cell.id, planned: cases.length, absent: absent.length }))
  emit({ event: 'plan', cells, planned: cells.reduce((sum, { planned }) => sum + planned, 0), excluded: plan.excluded })
}

const judgeCells = async (
  plan: Plan, request: RunRequest, shared: Pick<CellWork, 'bench' | 'qemus' | 'uapi' | 'cellDir' | 'emit'>,
): Promise<readonly CellResult[]> => {
  const limit = pLimit(request.workers ?? shared.bench.workers)
  const seed = request.seed ?? randomInt(MAX_SEED + 1)
  // Those with most to do first, so that no worker is left alone with one of them at the end.
  const ordered = plan.cells.toSorted((a, b) => b.cases.length - a.cases.length)
  const judged = await Promise.all(ordered.map((cellPlan) => limit(() => judgeOneCell(cellPlan, {
    ...shared, seed, isolate: request.isolate, baseConfig: request.config.baseConfig, limits: request.config.limits, signal: request.signal,
  }))))
  return plan.cells.map(({ cell }) => judged.find(({ id }) => id === cell.id)).filter((result) => result !== undefined)
}
