import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UapiBeliefs } from '../../guest-agent/protocol.ts'
import { cleanLine } from '../host/clean-text.ts'
import { LabError, labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { strangersOf, uapiAssertions } from './uapi-assertions.ts'
import { type UapiHeaders, uapiIoctls } from './uapi-names.ts'

/** The agent's structs, ioctl numbers and constants, held against the headers of one kernel. */
export interface UapiCheck {
  /** The ioctls that the headers define; of VFIO_DEVICE_FEATURE each feature too: `VFIO_DEVICE_FEATURE/DMA_BUF`. */
  readonly ioctls: readonly string[]
  /** Where the headers say otherwise: what user space was compiled with is then wrong. A line each. */
  readonly differences: readonly string[]
  /** What the headers have and the agent does not know: ioctls, features, fields. */
  readonly unknown: readonly string[]
}

const CHECK = 'check.c'

/** Compiles what the agent believes against the headers. Throws LabError lab/UAPI_UNCHECKED when the compiler says nothing that can be understood. */
export const checkUapi = async (
  headers: UapiHeaders, beliefs: UapiBeliefs, { tools, signal }: { readonly tools: Tools; readonly signal: AbortSignal },
): Promise<UapiCheck> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-uapi-')), (path) => rm(path, { recursive: true, force: true }))
  await mkdir(join(folder, 'linux'))
  // Only these are the kernel's; linux/types.h and the like come with the compiler.
  for (const [name, text] of Object.entries(headers)) await writeFile(join(folder, 'linux', name), text)
  const { lines, meanings } = uapiAssertions(headers, beliefs)
  await writeFile(join(folder, CHECK), lines.join('\n'))
  const args = ['-fsyntax-only', '-fdiagnostics-color=never', '-D__user=', '-I', folder, join(folder, CHECK)]
  const said = await complaints(tools.command({ program: 'gcc', args, read: [folder] }), signal)
  return { ioctls: uapiIoctls(headers), differences: [...new Set(said.map((complaint) => textOf(complaint, meanings)))], unknown: strangersOf(headers, beliefs) }
}

interface Complaint {
  readonly file: string
  readonly line: number
  readonly text: string
}

const complaints = async (command: ReturnType<Tools['command']>, signal: AbortSignal): Promise<readonly Complaint[]> => {
  try {
    await run(command, { what: 'gcc on the uapi headers', signal })
    return []
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    const found = error.tail.flatMap((line) => complaintOf(line) ?? [])
    if (found.length === 0) throw labFault('UAPI_UNCHECKED', "the agent's structs cannot be held against the kernel's uapi headers", { cause: error, tail: error.tail })
    return found
  }
}

const complaintOf = (line: string): Complaint | undefined => {
  const [, file, number, text] = /^\S*?([\w.-]+):(\d+):\d+: (?:fatal )?error: (.*)$/.exec(line) ?? []
  return file === undefined || text === undefined ? undefined : { file, line: Number(number), text }
}

const textOf = ({ file, line, text }: Complaint, meanings: ReadonlyMap<number, string>): string =>
  (file === CHECK ? meanings.get(line) : undefined) ?? cleanLine(`linux/${file}:${line}: ${text}`, 200)
