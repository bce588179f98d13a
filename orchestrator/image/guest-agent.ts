import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../host/spawn.ts'
import { AGENT_ENTRY, agentScript } from './agent-bundle.ts'
import { NODE_FLAGS } from './node-flags.ts'
import type { Image } from './open-image.ts'

/** The agent as a guest gets it. */
export interface GuestAgent {
  /** A CommonJS script that exports `serve`. */
  readonly script: Uint8Array
  /** V8's bytecode of it. Where it does not fit the guest's processor, V8 refuses it and compiles the script. */
  readonly codeCache: Uint8Array
}

/** Where the launcher looks for it. */
const PATH_IN_GUEST = '/run/agent.js'

/**
 * Bundles the agent and compiles it with the Node and the launcher of the image: to read 400 KB of JavaScript takes a guest under TCG
 * half a second, the bytecode a fifth of it. Throws LabError lab/AGENT_BUNDLE or what host/spawn.ts throws.
 */
export const guestAgent = async (image: Image, signal: AbortSignal, entry: string = AGENT_ENTRY): Promise<GuestAgent> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-')), (path) => rm(path, { recursive: true, force: true }))
  const script = await agentScript(entry, PATH_IN_GUEST)
  const [from, to] = [join(folder, 'agent.js'), join(folder, 'agent.cache')]
  await writeFile(from, script)
  await run(
    { file: image.node, args: [...NODE_FLAGS, '--snapshot-blob', image.launcher, 'compile', from, to] },
    { what: 'compiling the agent', signal, timeoutMs: 60_000 },
  )
  return { script, codeCache: await readFile(to) }
}
