import type { ResolvedConfig } from '../config/resolved-config.ts'
import { kernelFault, yours } from '../host/errors.ts'
import { buildConfigs } from '../kernel/build-configs.ts'
import { machineArgs } from '../machine/machine-args.ts'
import { planCells, type CellFilter } from '../plan/plan-cells.ts'
import type { Cell } from '../plan/plan.ts'
import type { VmSpec } from '../vm/running-vm.ts'
import { type Bench, openBench } from './bench.ts'
import { checkDevices } from './check-devices.ts'
import type { Emit } from './emit.ts'
import { guestSpec } from './guest-spec.ts'
import { openMachineQemus } from './machine-qemus.ts'

/** One cell, ready to be booted: its kernel is built. */
export interface OpenCell extends AsyncDisposable {
  readonly cell: Cell
  readonly bench: Bench
  readonly spec: VmSpec
}

export interface CellRequest {
  readonly config: ResolvedConfig
  readonly filter: CellFilter
  readonly accel: 'auto' | 'kvm' | 'tcg'
  /** For console.log and qemu.args; exists. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** Throws what planCells, machineArgs and buildConfigs throw; yours/MANY_CELLS when the filter leaves more than one; kernel/BUILD_FAILED. */
export const openCell = async ({ config, filter, accel, folder, signal }: CellRequest, emit: Emit): Promise<OpenCell> => {
  const { cells } = planCells(config, filter)
  const [cell, ...others] = cells
  if (cell === undefined || others.length > 0) {
    throw yours('MANY_CELLS', `${cells.length} cells are meant, and it takes one: ${cells.slice(0, 6).map(({ id }) => id).join(', ')}`, { hint: 'say kernel/config/machine in full' })
  }
  await using stack = new AsyncDisposableStack()
  const bench = stack.use(await openBench({ config, accel, signal }, emit))
  const notice = (text: string) => { emit({ event: 'notice', text }) }
  const qemus = stack.use(await openMachineQemus([cell.machine], bench.tools, { notice, signal }))
  // Before the time that a build takes: a machine that this QEMU cannot be, a device that cannot be started.
  await checkDevices(machineArgs(cell.machine, qemus.of(cell.machine).offer).served, signal)
  const builds = stack.use(await buildConfigs(cell.kernel, [cell.config], {
    tools: bench.tools, upTo: 'built', signal, baseConfig: config.baseConfig, limits: config.limits,
    notice,
    onProgress: (progress) => { emit({ event: 'kernel-progress', kernel: cell.kernel.name, progress }) },
  }))
  const kernel = builds.outcomes.get(cell.config.name)
  if (kernel?.status !== 'built') {
    throw kernelFault('BUILD_FAILED', `${cell.id}: the kernel was not built: ${kernel?.status === 'build-failed' ? kernel.because : 'nothing is known of it'}`)
  }
  const spec = await guestSpec(cell.machine, kernel, bench, qemus.of(cell.machine), { folder, bootMs: config.limits.bootMs })
  const held = stack.move()
  return { cell, bench, spec, [Symbol.asyncDispose]: () => held.disposeAsync() }
}
