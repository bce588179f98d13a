import { realpath, stat } from 'node:fs/promises'
import { cleanLine } from '../host/clean-text.ts'
import { LabError, yours } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { gitFolders } from './tree-files.ts'

/** A repository of the user: it is read, and nothing in it is written, its index included. */
export interface GitRepository {
  /** What git says, without the last line's end. */
  readonly ask: (args: readonly string[], options?: { readonly write?: readonly string[]; readonly env?: Readonly<Record<string, string>> }) => Promise<string>
  /** The commit that a name means, in full. Throws yours/NO_SUCH_REF. */
  readonly commitOf: (ref: string) => Promise<string>
}

/** Throws yours/NOT_A_REPOSITORY. */
export const openRepository = async (dir: string, tools: Tools, signal: AbortSignal): Promise<GitRepository> => {
  const isFolder = (await stat(dir).catch(() => undefined))?.isDirectory() ?? false
  const top = isFolder ? await realpath(dir) : dir
  const folders = isFolder ? await gitFolders(top) : undefined
  if (folders === undefined) {
    throw yours('NOT_A_REPOSITORY', `${dir} is no git repository`, { hint: 'say the top folder of a clone, or its bare repository' })
  }
  const ask: GitRepository['ask'] = async (args, { write = [], env = {} } = {}) => {
    const command = tools.command({
      program: 'git',
      // It may be another user's, and its configuration may name programs to be run: neither concerns what is asked here.
      args: ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', ...args],
      read: [top, ...folders],
      write,
      cwd: top,
      env: { GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C', ...env },
    })
    return (await run(command, { what: `git ${args.find((word) => !word.startsWith('-')) ?? ''} in ${dir}`, signal, writes: write })).stdout.trimEnd()
  }
  const commitOf = async (ref: string): Promise<string> => {
    try {
      return await ask(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
    } catch (error) {
      if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
      throw yours('NO_SUCH_REF', `${dir} has no commit ${cleanLine(ref, 100)}`, { hint: 'a branch, a tag or a commit of that repository; is it fetched?', cause: error })
    }
  }
  return { ask, commitOf }
}
