import type { BuiltKernel } from '../kernel/built-kernel.ts'
import { machineArgs } from '../machine/machine-args.ts'
import type { MachineSpec } from '../machine/machine-spec.ts'
import type { AskedQemu } from '../vm/ask-qemu.ts'
import type { VmSpec } from '../vm/running-vm.ts'
import type { Bench } from './bench.ts'
import { deviceProgram } from './device-program.ts'
import { kernelTimeScale } from './time-scale.ts'

/** A guest of this machine on this kernel. `folder` exists; `bootMs` is the limit without hardware virtualisation, on a kernel that checks nothing. */
export const guestSpec = async (
  machine: MachineSpec, kernel: BuiltKernel, bench: Bench, { qemu: program, offer }: AskedQemu, { folder, bootMs }: { readonly folder: string; readonly bootMs: number },
): Promise<VmSpec> => {
  const { qemu, commandLine, later, served } = machineArgs(machine, offer)
  return {
    machineArgs: qemu,
    qemu: program,
    commandLine,
    later,
    deviceServers: served.map(deviceProgram),
    folder,
    accel: bench.accel.used,
    bzImage: kernel.bzImage,
    initrd: await bench.initrdOf(kernel),
    disk: bench.disk,
    bootLimitMs: (bench.accel.used === 'kvm' ? bootMs / 4 : bootMs) * kernelTimeScale(kernel.facts.config),
  }
}
