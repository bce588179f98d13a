import type { CellResult, Results } from '../verdict/results.ts'

/** What the command line says of the kernel under test, and the events do not. */
export interface SourceArgs {
  readonly tree?: string | undefined
  /** Commits of the tree. */
  readonly range?: string | undefined
  /** There is a kernel after every patch. */
  readonly each?: boolean
  /** Where the patches can be read again. */
  readonly patches: readonly string[]
  /** A file that was the only config. */
  readonly configFile?: string | undefined
  /** Merged over every config. */
  readonly fragments?: readonly string[] | undefined
}

/** The command that runs one cell, or one case of it, again: ready to be pasted into a shell. */
export const rerunCommand = (results: Results, cell: CellResult, caseId: string | undefined, { tree, range, each = false, patches, configFile, fragments = [] }: SourceArgs): string => {
  // A kernel that the patches are held against has none of them.
  const isPatched = cell.kernel.patches.length > 0
  const kernels = new Set(results.cells.filter(({ kernel }) => kernel.patches.length > 0 === isPatched).map(({ kernel }) => kernel.name))
  return [
    './lab', 'run',
    ...(tree === undefined ? [] : ['--tree', tree]),
    ...(range === undefined ? [] : ['--range', range, ...(isPatched ? [] : ['--base'])]),
    ...(isPatched ? patches.flatMap((path) => ['--patch', path]) : []),
    ...(isPatched && each ? ['--each'] : []),
    ...(kernels.size > 1 ? ['--kernel', cell.kernel.name] : []),
    '--config', configFile ?? cell.config,
    ...fragments.flatMap((path) => ['--fragment', path]),
    ...(cell.status === 'build-failed' ? [] : ['--machine', cell.machine]),
    ...(caseId === undefined ? [] : ['--case', caseId]),
  ].map(shellWord).join(' ')
}

/** Ready to be pasted into a shell. */
export const shellWord = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
