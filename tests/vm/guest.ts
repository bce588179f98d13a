import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CellFacts } from '../../guest-agent/protocol.ts'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { type Image, openImage } from '../../orchestrator/image/open-image.ts'
import { writeRunInitrd } from '../../orchestrator/image/run-initrd.ts'
import { makeRunKeys } from '../../orchestrator/image/run-keys.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import type { KernelFacts } from '../../orchestrator/kernel/built-kernel.ts'
import { machineArgs } from '../../orchestrator/machine/machine-args.ts'
import { machineFacts } from '../../orchestrator/machine/machine-facts.ts'
import type { MachineSpec } from '../../orchestrator/machine/machine-spec.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { TOOLS_QEMU } from '../../orchestrator/toolbox/qemu-program.ts'
import { askQemu } from '../../orchestrator/vm/ask-qemu.ts'
import type { VmSpec } from '../../orchestrator/vm/running-vm.ts'
import type { VmSurroundings } from '../../orchestrator/vm/start-vm.ts'
import { temporaryDir } from '../lab-process.ts'

/** What is needed to boot a guest of the default lab, a kernel of one of its configs on machine `intel`. */
export interface Guest extends AsyncDisposable {
  /** What the agent must know of it. */
  readonly cell: CellFacts
  /** A spec with a folder of its own. */
  spec(): Promise<VmSpec>
  readonly surroundings: Omit<VmSurroundings, 'agent' | 'signal'>
  readonly image: Image
  readonly kernel: KernelFacts
}

const never = new AbortController().signal
const silent = () => { /* a test has no terminal */ }

/** Kernel and image come from the cache, or are made. Disposing removes all that the guests left. `devices` in place of the machine's own. */
export const openGuest = async (configName = 'noiommu', devices?: MachineSpec['devices']): Promise<Guest> => {
  await using stack = new AsyncDisposableStack()
  const dir = stack.use(await temporaryDir())
  const config = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
  const tools = stack.use(await openTools(config.tools, { notice: silent, signal: never }))
  const image = await openImage(tools, { notice: silent, signal: never })
  const kernel = config.kernels[0]
  const configs = config.configs.filter(({ name }) => name === configName)
  const intel = config.machines.find(({ name }) => name === 'intel')
  if (kernel === undefined || intel === undefined) throw new Error('the default lab has no kernel or no machine intel')
  const machine = { ...intel, devices: devices ?? intel.devices }
  const builds = stack.use(await buildConfigs(kernel, configs, {
    tools, baseConfig: config.baseConfig, limits: config.limits, upTo: 'built', notice: silent, onProgress: silent, signal: never,
  }))
  const built = builds.outcomes.get(configName)
  if (built?.status !== 'built') throw new Error(`the kernel of the config ${configName} was not built`)
  const keys = makeRunKeys()
  const initrd = join(dir.path, 'initrd')
  await writeRunInitrd(image, keys, initrd)
  const { qemu, commandLine } = machineArgs(machine, await askQemu(TOOLS_QEMU, tools, never))
  const held = stack.move()
  let boots = 0
  return {
    cell: { config: built.facts.config, uapi: built.facts.uapi, ...machineFacts(machine) },
    surroundings: { tools, keys },
    image,
    kernel: built.facts,
    spec: async () => {
      boots += 1
      const folder = join(dir.path, `boot-${boots}`)
      await mkdir(folder)
      return { machineArgs: qemu, commandLine, accel: 'tcg', bzImage: built.bzImage, initrd, disk: image.disk, folder, bootLimitMs: config.limits.bootMs }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
