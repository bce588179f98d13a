import { join } from 'node:path'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { AgentEvent, CellFacts } from '../../guest-agent/protocol.ts'
import type { Limits } from '../config/resolved-config.ts'
import type { BuiltKernel } from '../kernel/built-kernel.ts'
import { machineFacts } from '../machine/machine-facts.ts'
import type { CellPlan } from '../plan/plan.ts'
import { wantsGuest } from '../plan/wants-guests.ts'
import { judgeCell } from '../verdict/judge-cell.ts'
import type { CellResult } from '../verdict/results.ts'
import type { GuestLife } from '../verdict/transcript.ts'
import { startVm } from '../vm/start-vm.ts'
import { askKconfig } from './ask-kconfig.ts'
import type { Bench } from './bench.ts'
import type { Emit } from './emit.ts'
import { liveOnce } from './guest-life.ts'
import { guestSpec } from './guest-spec.ts'
import type { MachineQemus } from './machine-qemus.ts'
import { roomyMachine, withGigaPage, withPrograms } from './guest-programs.ts'
import { runCell } from './run-cell.ts'
import { timeScale } from './time-scale.ts'
import type { UapiChecks } from './uapi-checks.ts'

export interface CellWork {
  readonly bench: Bench
  readonly qemus: MachineQemus
  readonly uapi: UapiChecks
  readonly isolate: 'cell' | 'case'
  readonly limits: Limits
  /** Absolute path of base.config. */
  readonly baseConfig: string
  readonly seed: number
  /** The folder of a cell, by its id; exists. */
  readonly cellDir: (cellId: string) => Promise<string>
  readonly emit: Emit
  readonly signal: AbortSignal
}

/** One cell from its start to its verdict; its files stand in its folder. */
export const judgeOneCell = async (plan: CellPlan, work: CellWork): Promise<CellResult> => {
  const { emit, qemus } = work
  emit({ event: 'cell-start', cell: plan.cell.id })
  const lives = plan.kernel.status === 'built' ? await livesOf(plan, plan.kernel, work) : []
  const kconfig = await askKconfig(plan, work)
  const result = judgeCell(plan, lives, { qemu: qemus.of(plan.cell.machine).offer.version, uapi: await work.uapi(plan.cell.kernel.name), kconfig })
  for (const splat of result.splats) emit({ event: 'splat', cell: plan.cell.id, splat })
  emit({ event: 'cell-end', cell: plan.cell.id, result })
  return result
}

const livesOf = async (plan: CellPlan, kernel: BuiltKernel, work: CellWork): Promise<readonly GuestLife[]> => {
  // Filtered down to nothing that this cell can have: there is no question to ask a guest.
  const asked = plan.cases.filter(wantsGuest)
  if (asked.length === 0 || work.signal.aborted) return []
  const { bench, emit, signal } = work
  const { machine, id } = plan.cell
  const dir = await work.cellDir(id)
  await copyFile(kernel.dotConfig, join(dir, 'kernel.config'))
  const facts = machineFacts(machine)
  const cell: CellFacts = { config: kernel.facts.config, uapi: kernel.facts.uapi, seed: work.seed, ...facts }
  const agentLines: string[] = []

  const lives = await runCell({
    cases: asked,
    isolate: work.isolate,
    live: async (cases, alone, attempt) => {
      const folder = attempt === 1 ? dir : join(dir, `guest-${attempt}`)
      await mkdir(folder, { recursive: true })
      emit({ event: 'boot', cell: id, attempt })
      return liveOnce({
        cases, cell, alone, signal,
        timeoutScale: timeScale(bench.accel.used, kernel.facts.config),
        boot: async () => {
          const spec = await guestSpec(roomyMachine(machine, cases), kernel, bench, work.qemus.of(machine), { folder, bootMs: work.limits.bootMs })
          const vm = await startVm(withGigaPage(spec, cases), { tools: bench.tools, keys: bench.keys, agent: bench.agent, signal })
          return withPrograms(vm, cases)
        },
        // startVm has written all that the guest said, cleaned and bounded.
        bootConsole: async () => (await readFile(join(folder, 'console.log'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
        onEvent: (event, afterBootMs) => {
          agentLines.push(JSON.stringify(event))
          tell(event, id, afterBootMs, emit)
        },
      })
    },
  })
  await writeFile(join(dir, 'agent.ndjson'), agentLines.map((line) => `${line}\n`).join(''))
  return lives
}

const tell = (event: AgentEvent, cell: string, afterMs: number, emit: Emit) => {
  switch (event.event) {
    case 'hello':
      emit({ event: 'agent-ready', cell, afterMs })
      break
    case 'case-start':
      emit({ event: 'case-start', cell, id: event.id })
      break
    case 'case-end': {
      const { id, outcome, durationMs, message } = event
      emit({ event: 'case-end', cell, id, outcome, durationMs, ...(message === undefined ? {} : { message }) })
      break
    }
    case 'plug':
    case 'unplug':
    case 'output':
    case 'note':
    case 'agent-error':
    case 'uapi':
    case 'catalogue':
    case 'bye':
      break
  }
}
