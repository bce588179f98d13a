import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { cleanLine } from '../host/clean-text.ts'
import { diskFull, saysDiskFull } from '../host/disk-full.ts'
import { LabError, labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { compilerCache } from './compiler-cache.ts'

/**
 * Line tables, so that splats can be symbolised, and no more. Measured on mm/: less than 3 % of the compiler's CPU time, which is what
 * two measurements differ by, as for DEBUG_INFO_REDUCED; but objects half the size of that. Part of the store's key.
 */
export const MAKE_FLAGS: readonly string[] = ['KCFLAGS=-g1']

/** Whoever builds, wherever and whenever: the same kernel. Part of the store's key. */
export const MAKE_ENVIRONMENT: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  KBUILD_BUILD_USER: 'lab',
  KBUILD_BUILD_HOST: 'vfio-lab',
  KBUILD_BUILD_VERSION: '1',
  KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 2026',
}

export interface MakeContext {
  readonly tree: string
  readonly objects: string
  readonly tools: Tools
  readonly signal: AbortSignal
  /** Names the thing in errors: `building config noiommu of debian`. */
  readonly what: string
  readonly timeoutMs: number
  /** More folders that it may read, and what its environment has besides. */
  readonly read?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export type MakeResult =
  | { readonly ok: true; readonly cpuMs: number }
  /** The tree's fault: `because` is the first line that tells of an error. */
  | { readonly ok: false; readonly because: string; readonly tail: readonly string[] }

/**
 * Runs make for one object tree. Throws lab/NO_SPACE, TOOL_TIMEOUT, TOOL_MISSING, or TOOL_FAILED when it was the host that failed
 * (a compiler that was killed or is not there).
 */
export const make = (targets: readonly string[], context: MakeContext, onLine?: (line: string) => void): Promise<MakeResult> =>
  makeIn('.', [`O=${context.objects}`, ...MAKE_FLAGS], targets, context, onLine)

/** The same for a Makefile of a folder of the tree that is no part of Kbuild; it is told by `variables` where to write. */
export const makeIn = async (
  folder: string, variables: readonly string[], targets: readonly string[], context: MakeContext, onLine?: (line: string) => void,
): Promise<MakeResult> => {
  const { tree, objects, tools, signal, what, timeoutMs } = context
  const said = listener()
  const cache = await compilerCache(tools)
  const command = tools.command({
    // The lock goes down to every process of the build: when the lab is killed and they outlive it, the next build waits for them.
    program: 'flock',
    args: [`${objects}/.lab-lock`, 'make', '-C', join(tree, folder), `-j${availableParallelism()}`, ...variables, ...cache.args, ...targets],
    read: [tree, ...cache.read, ...context.read ?? []],
    write: [objects, ...cache.write],
    cwd: tree,
    env: { ...MAKE_ENVIRONMENT, ...cache.env, ...context.env },
  })
  try {
    const hear = (line: string) => { said.hear(line); onLine?.(line) }
    const { cpuMs } = await run(command, { what, signal, timeoutMs, writes: [objects], onLine: hear })
    return { ok: true, cpuMs }
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    if (error.code === 'TOOL_TIMEOUT') {
      throw labFault(error.code, error.message, { hint: 'raise limits.buildMs in lab.config.ts', tail: error.tail, cause: error })
    }
    if (error.code !== 'TOOL_FAILED') throw error
    if (said.diskIsFull()) throw await diskFull(what, [objects], { cause: error, tail: error.tail })
    const because = said.firstError()
    if (because === undefined || said.hostFailed()) throw error
    return { ok: false, because, tail: error.tail.map(withoutParent) }
  }
}

const ERROR = /(?:^|\s)(?:fatal )?error: |undefined reference to|multiple definition of|: syntax error|\berror in\b/
const MAKE_ERROR = /^make(?:\[\d+\])?: \*\*\* /
const HOST_FAULT = new RegExp([
  'Killed signal terminated program', 'Cannot allocate memory', 'virtual memory exhausted', 'Input/output error', 'Read-only file system',
  ': not found$', ': command not found', 'Error 12[67]$',
].join('|'))

/** Hears every line, because the telling one may be long before the tail. */
const listener = () => {
  let error: string | undefined
  let makeError: string | undefined
  let hostFailed = false
  let diskIsFull = false
  return {
    hear: (line: string) => {
      if (ERROR.test(line)) error ??= line
      if (MAKE_ERROR.test(line)) makeError ??= line
      hostFailed ||= HOST_FAULT.test(line)
      diskIsFull ||= saysDiskFull(line)
    },
    firstError: () => {
      const line = error ?? makeError
      return line === undefined ? undefined : withoutParent(cleanLine(line, 300))
    },
    hostFailed: () => hostFailed,
    diskIsFull: () => diskIsFull,
  }
}

/** The object tree lies in the source tree, so the compiler says `../drivers/...`. */
const withoutParent = (line: string): string => line.replace(/(^|[\s'"])\.\.\/(?=\w)/g, '$1')
