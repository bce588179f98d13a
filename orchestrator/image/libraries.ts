import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'

export interface Library {
  /** The path at which the loader looks for it. */
  readonly inGuest: string
  readonly onHost: string
}

/**
 * The shared libraries, loader included, that these programs need, as the tools' own loader finds them.
 * `programs` are paths as seen by the tools. Throws what host/spawn.ts throws, e.g. when a library is missing.
 */
export const librariesOf = async (tools: Tools, programs: readonly string[], read: readonly string[], signal: AbortSignal): Promise<readonly Library[]> => {
  const { stdout } = await run(tools.command({ program: 'ldd', args: programs, read }), { what: 'looking for the libraries of the guest', signal })
  return Promise.all(
    lddPaths(stdout).map(async (inGuest) => ({ inGuest, onHost: await realpath(join(tools.root, inGuest)) })),
  )
}

/** Both forms of ldd(1)'s lines: `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)` and `/lib64/ld-linux-x86-64.so.2 (0x...)`. */
export const lddPaths = (output: string): readonly string[] => {
  const paths = output.split('\n').flatMap((line) => /^\t(?:.* => )?(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  return [...new Set(paths)].sort()
}
