import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { TOOL_PATH } from '../toolbox/sandbox.ts'
import type { Tools } from '../toolbox/tools.ts'

/** What make is given beside its flags; none of it changes what is built. */
export interface CompilerCache {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Folders that the compiler reads and writes. */
  readonly read: readonly string[]
  readonly write: readonly string[]
}

const NONE: CompilerCache = { args: [], env: {}, read: [], write: [] }
/** Has the program that is called ccache. */
const DOOR = join(import.meta.dirname, 'cached-compiler')

/**
 * The net under the object trees: objects of sources and configs whose tree was forgotten, or was brought forward and is now wanted back.
 * Of the toolbox only: a host's ccache is its user's, with settings of his own.
 */
export const compilerCache = async (tools: Tools): Promise<CompilerCache> => {
  if (tools.kind !== 'toolbox') return NONE
  const folder = cacheDir('kernel', 'compiler-cache')
  await mkdir(folder, { recursive: true })
  return {
    args: ['CC=ccache gcc'],
    env: {
      PATH: `${DOOR}:${TOOL_PATH}`,
      CCACHE_DIR: folder,
      CCACHE_MAXSIZE: '1G',
      // Unpacking gives the compiler a new time with each toolbox that is made; the packages tell whether it is another.
      CCACHE_COMPILERCHECK: `string:${tools.id}`,
      // Kbuild's paths are relative; only the line tables name the folder that was compiled in, and nothing reads that.
      CCACHE_NOHASHDIR: '1',
      // What was included is told by the compiler itself (-MMD, which Kbuild asks for): nothing is preprocessed twice.
      CCACHE_DEPEND: '1',
    },
    read: [DOOR],
    write: [folder],
  }
}
