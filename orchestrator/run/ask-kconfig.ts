import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError } from '../host/errors.ts'
import { buildConfigs } from '../kernel/build-configs.ts'
import type { KernelOutcome } from '../kernel/built-kernel.ts'
import type { CellPlan, KconfigAsk } from '../plan/plan.ts'
import { judgeKconfig, type KconfigAnswers, type KconfigVerdict } from '../verdict/judge-kconfig.ts'
import type { CellWork } from './judge-one-cell.ts'

/**
 * Puts the cases of a cell that are for it to the Kconfig files of its tree, patches and all: each is one olddefconfig or some. The tree is opened once for
 * all of them, so that the first case takes the time of all.
 */
export const askKconfig = async ({ cell, cases }: CellPlan, work: CellWork): Promise<KconfigAnswers> => {
  const { emit, signal } = work
  const verdicts = new Map<string, KconfigVerdict>()
  const put = cases.flatMap(({ id, kconfig }) => (kconfig === undefined ? [] : [{ id, asks: kconfig }]))
  let outcomes: Promise<ReadonlyMap<KconfigAsk, KernelOutcome>> | undefined
  try {
    for (const { id, asks } of put) {
      if (signal.aborted) return { verdicts, because: 'interrupted' }
      emit({ event: 'case-start', cell: cell.id, id })
      const started = performance.now()
      const all = await (outcomes ??= outcomesOf(put.flatMap((one) => one.asks), cell.kernel, work))
      const verdict = judgeKconfig(asks, asks.map((ask) => all.get(ask) ?? notAsked(id)))
      const durationMs = Math.round(performance.now() - started)
      verdicts.set(id, { ...verdict, durationMs })
      emit({ event: 'case-end', cell: cell.id, id, durationMs, ...verdict })
    }
    return { verdicts }
  } catch (error) {
    // What the lab cannot do stands in the cell that it hit.
    if (signal.aborted) return { verdicts, because: 'interrupted' }
    if (!(error instanceof LabError) || error.kind !== 'lab') throw error
    return { verdicts, because: error.message }
  }
}

const outcomesOf = async (
  asks: readonly KconfigAsk[], kernel: CellPlan['cell']['kernel'], { bench: { tools }, baseConfig, limits, signal }: CellWork,
): Promise<ReadonlyMap<KconfigAsk, KernelOutcome>> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-kconfig-')), (path) => rm(path, { recursive: true, force: true }))
  const configs = await Promise.all(asks.map(async (ask, index) => {
    const name = `kconfig-${index + 1}`
    const path = join(folder, `${name}.config`)
    await writeFile(path, fragmentOf(ask))
    return { ask, name, fragments: [path] }
  }))
  const builds = stack.use(await buildConfigs(kernel, configs, {
    tools, baseConfig, limits, signal, upTo: 'configured', notice: () => undefined, onProgress: () => undefined,
  }))
  return new Map(configs.map(({ ask, name }) => [ask, builds.outcomes.get(name) ?? notAsked(name)]))
}

const notAsked = (what: string): never => { throw new Error(`no outcome for ${what}`) }

/** What is only to come out is asked for too: then the outcome says why it did not, and which symbols the tree lacks. */
const fragmentOf = ({ asks, becomes }: KconfigAsk): string =>
  Object.entries({ ...becomes, ...asks }).map(([symbol, value]) => `CONFIG_${symbol}=${value} # where ${symbol} exists\n`).join('')
