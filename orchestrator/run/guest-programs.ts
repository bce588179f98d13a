import { PROGRAMS } from '../../guest-agent/protocol.ts'
import { kernelFault } from '../host/errors.ts'
import type { MachineSpec } from '../machine/machine-spec.ts'
import { packAgent } from '../image/pack-agent.ts'
import type { PlannedCase } from '../plan/plan.ts'
import type { RunningVm, VmSpec } from '../vm/running-vm.ts'

/** The machine with as much memory as these cases take. */
export const roomyMachine = (machine: MachineSpec, cases: readonly PlannedCase[]): MachineSpec =>
  ({ ...machine, memoryMiB: Math.max(machine.memoryMiB, ...cases.map(({ program }) => program?.memoryMiB ?? 0)) })

/** A page of 1 GiB is had at boot or never. */
export const withGigaPage = (spec: VmSpec, cases: readonly PlannedCase[]): VmSpec =>
  (cases.some(({ program }) => program?.gigaPage === true) ? { ...spec, commandLine: [...spec.commandLine, 'hugepagesz=1G', 'hugepages=1'] } : spec)

/** Puts what these cases start into a guest that has booted; ends it when that fails. Throws kernel/BOOT_NO_AGENT. */
export const withPrograms = async (vm: RunningVm, cases: readonly PlannedCase[]): Promise<RunningVm> => {
  const bySuite = Map.groupBy(cases.filter(({ program }) => program !== undefined), ({ suite }) => suite)
  try {
    for (const [suite, ofSuite] of bySuite) {
      const folder = ofSuite[0]?.program?.folder ?? ''
      const files = new Set(ofSuite.flatMap(({ program }) => program?.files ?? []))
      await vm.execute(`mkdir -p ${PROGRAMS}/${suite} && tar -x -C ${PROGRAMS}/${suite}`, await packAgent(folder, [...files]))
    }
    return vm
  } catch (cause) {
    await vm[Symbol.asyncDispose]()
    throw kernelFault('BOOT_NO_AGENT', 'the programs cannot be written into the guest', { cause, tail: vm.console.slice(-20) })
  }
}
