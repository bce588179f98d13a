import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { interruptSignal } from '../host/interrupt.ts'
import { checkSelection } from '../plan/check-selection.ts'
import { planCells } from '../plan/plan-cells.ts'
import type { CellPlan, Plan } from '../plan/plan.ts'
import { openMachineQemus } from '../run/machine-qemus.ts'
import { planOnKernels } from '../run/plan-on-kernels.ts'
import { prepareAgent } from '../run/prepare-agent.ts'
import { openTools } from '../toolbox/open-tools.ts'
import { notice } from './notice.ts'
import { addSelectionFlags, selected, type SelectionFlags } from './selection.ts'

interface PlanFlags extends SelectionFlags {
  readonly json?: true
}

/** `lab plan`: what a run would do. Kernels are configured where the store has not built them already, nothing is compiled or booted. */
export const planCommand = (finish: (exitCode: number) => void): Command =>
  addSelectionFlags(new Command('plan'))
    .description('what a run would do: which cases in which cell, and what each cell cannot have')
    .option('--json', 'the whole plan, with the reason of each absent case')
    .action(async (flags: PlanFlags) => {
      const signal = interruptSignal()
      const { config, selection } = await selected(flags, signal)
      const { cells, excluded } = planCells(config, selection)
      await using stack = new AsyncDisposableStack()
      const dir = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-plan-')), (path) => rm(path, { recursive: true, force: true }))
      const tools = stack.use(await openTools(config.tools, { notice, signal }))
      const { catalogue } = await prepareAgent(dir)
      // Before a QEMU may have to be built.
      checkSelection(catalogue, config, selection)
      const qemus = stack.use(await openMachineQemus(cells.map(({ machine }) => machine), tools, { notice, signal }))
      const planned = stack.use(await planOnKernels({ cells, excluded, config, selection, catalogue, tools, qemus, upTo: 'configured', signal }, (event) => {
        if (event.event === 'notice') notice(event.text)
      }))
      process.stdout.write(flags.json ? `${JSON.stringify(asJson(planned.plan), null, 2)}\n` : asText(planned.plan))
      finish(planned.plan.cells.some(({ kernel }) => kernel.status === 'build-failed') ? 1 : 0)
    })

const asJson = ({ cells, excluded }: Plan) => ({
  cells: cells.map(({ cell, kernel, cases, absent }) => ({
    id: cell.id,
    release: kernel.release,
    ...(kernel.status === 'build-failed' ? { buildFailed: kernel.because } : {}),
    configNotAsked: kernel.notAsked,
    cases: cases.map(({ id }) => id),
    absent,
  })),
  excluded,
})

const asText = ({ cells, excluded }: Plan): string => {
  const width = Math.max(...cells.map(({ cell }) => cell.id.length))
  const lines = [
    ...cells.map((plan) => `${plan.cell.id.padEnd(width)}  ${planLine(plan)}`),
    ...excluded.map(({ id, because }) => `${id.padEnd(width)}  excluded: ${because}`),
    ...new Set(cells.flatMap(({ cell, kernel }) => kernel.notAsked.map(({ symbol, where }) =>
      `not asked in ${cell.config.name}: CONFIG_${symbol}, for this tree has no ${where}`))),
    `${cells.length} cells, ${cells.reduce((sum, { cases }) => sum + cases.length, 0)} cases planned; --json tells why the others are absent`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

const planLine = ({ kernel, cases, absent }: CellPlan): string =>
  kernel.status === 'build-failed' ? `build-failed: ${kernel.because}` : `${cases.length} cases, ${absent.length} absent  (${kernel.release})`
