import { type MachineSpec, wantsAts } from '../machine/machine-spec.ts'
import { openAtsQemu } from '../qemu/ats-qemu.ts'
import { openGivenQemu } from '../qemu/given-qemu.ts'
import type { OpenToolsOptions } from '../toolbox/open-toolbox.ts'
import { TOOLS_QEMU } from '../toolbox/qemu-program.ts'
import type { Tools } from '../toolbox/tools.ts'
import { type AskedQemu, askQemu } from '../vm/ask-qemu.ts'

/** The QEMU of each machine, open for as long as their guests run. */
export interface MachineQemus extends AsyncDisposable {
  of(machine: MachineSpec): AskedQemu
}

/**
 * The tools' own, but for a machine that says another one or has a device that only another one has; each is asked once.
 * Throws lab/TOOL_FAILED, TOOL_MISSING, yours/BAD_QEMU, and what openAtsQemu throws.
 */
export const openMachineQemus = async (machines: readonly MachineSpec[], tools: Tools, { notice, signal }: OpenToolsOptions): Promise<MachineQemus> => {
  await using stack = new AsyncDisposableStack()
  const found = new Map<string, AskedQemu>()
  for (const machine of machines) {
    const key = wanted(machine)
    if (found.has(key)) continue
    const given = machine.qemu
    found.set(key, wantsAts(machine) ? stack.use(await openAtsQemu({ given, tools, notice, signal }))
      : given === undefined ? { qemu: TOOLS_QEMU, offer: await askQemu(TOOLS_QEMU, tools, signal) }
        : await openGivenQemu(given, tools, signal))
  }
  const held = stack.move()
  return {
    of: (machine) => {
      const own = found.get(wanted(machine))
      if (own === undefined) throw new Error(`no QEMU was opened for the machine ${machine.name}`)
      return own
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Machines for which this is the same have the same QEMU. */
const wanted = (machine: MachineSpec): string => JSON.stringify([machine.qemu, wantsAts(machine)])
