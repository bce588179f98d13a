import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CaseInfo, UapiBeliefs } from '../../guest-agent/protocol.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { guestAgent } from '../image/guest-agent.ts'
import { openImage } from '../image/open-image.ts'
import { writeRunInitrd } from '../image/run-initrd.ts'
import { makeRunKeys } from '../image/run-keys.ts'
import type { BuiltKernel } from '../kernel/built-kernel.ts'
import { openTools } from '../toolbox/open-tools.ts'
import type { Tools } from '../toolbox/tools.ts'
import { chooseAccelerator } from '../vm/accelerator.ts'
import type { Accel, GuestKeys } from '../vm/running-vm.ts'
import type { Emit } from './emit.ts'
import { initrdPerKernel } from './kernel-initrd.ts'
import { prepareAgent } from './prepare-agent.ts'

/** All that the guests of a run share. Disposing removes the run's keys and temporary files. */
export interface Bench extends AsyncDisposable {
  readonly tools: Tools
  readonly accel: { readonly used: Accel; readonly because: string }
  /** The image with this run's keys in it, and with the modules of a kernel that has some. */
  readonly initrdOf: (kernel: BuiltKernel) => Promise<string>
  readonly disk: string
  readonly keys: GuestKeys
  /** The archive that guests unpack. */
  readonly agent: Uint8Array
  readonly catalogue: readonly CaseInfo[]
  readonly uapi: UapiBeliefs
  /** How many guests this host bears at the same time. */
  readonly workers: number
  readonly versions: Readonly<Record<string, string>>
}

export const openBench = async (
  { config, accel, signal }: { readonly config: ResolvedConfig; readonly accel: 'auto' | Accel; readonly signal: AbortSignal },
  emit: Emit,
): Promise<Bench> => {
  const notice = (text: string) => { emit({ event: 'notice', text }) }
  await using stack = new AsyncDisposableStack()
  const dir = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-')), (path) => rm(path, { recursive: true, force: true }))
  const tools = stack.use(await openTools(config.tools, { notice, signal }))
  const keys = makeRunKeys()
  const [chosen, { image, agent }, { catalogue, uapi }] = await Promise.all([
    chooseAccelerator(accel, tools, { notice, signal }),
    openImage(tools, { notice, signal }).then(async (image) => ({ image, agent: await guestAgent(image, signal) })),
    prepareAgent(dir),
  ])
  const initrd = join(dir, 'initrd.cpio')
  await writeRunInitrd(image, keys, initrd)
  const held = stack.move()
  return {
    tools,
    accel: { used: chosen.accel, because: chosen.because },
    initrdOf: initrdPerKernel(initrd, dir),
    disk: image.disk,
    keys,
    agent,
    catalogue,
    uapi,
    workers: availableParallelism(),
    versions: { ...tools.versions, ...image.versions, 'lab node': process.version },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
