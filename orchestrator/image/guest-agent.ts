import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../host/spawn.ts'
import { AGENT_ENTRY, agentScript } from './agent-bundle.ts'
import { NODE_FLAGS } from './node-flags.ts'
import type { Image } from './open-image.ts'
import { packAgent } from './pack-agent.ts'

/** What is deployed to a guest, into /run, names as in images/guest/launcher.ts: a CommonJS script that exports `serve`. */
const SCRIPT = 'agent.js'
/** V8's bytecode of it. Where it does not fit the guest's processor, V8 refuses it and compiles the script. */
const CACHE = 'agent.cache'
/** An empty file after both: all of it is there. */
const DEPLOYED = 'agent.deployed'

/**
 * Bundles the agent, compiles it with the Node and the launcher of the image: to read 400 KB of JavaScript takes a guest under TCG
 * half a second, the bytecode a fifth of it. Resolves to the archive that guests unpack. Throws LabError lab/AGENT_BUNDLE or what host/spawn.ts throws.
 */
export const guestAgent = async (image: Image, signal: AbortSignal, entry: string = AGENT_ENTRY): Promise<Uint8Array> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-')), (path) => rm(path, { recursive: true, force: true }))
  const [script, cache] = [join(folder, SCRIPT), join(folder, CACHE)]
  await writeFile(script, await agentScript(entry, `/run/${SCRIPT}`))
  await run(
    { file: image.node, args: [...NODE_FLAGS, '--snapshot-blob', image.launcher, 'compile', script, cache] },
    { what: 'compiling the agent', signal, timeoutMs: 60_000 },
  )
  await writeFile(join(folder, DEPLOYED), '')
  return await packAgent(folder, [CACHE, SCRIPT, DEPLOYED])
}
