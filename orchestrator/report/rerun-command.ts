import type { CellResult, Results } from '../verdict/results.ts'

/** The words of the command line that choose what is under test and are not in the events, e.g. `--tree DIR`. */
export type SourceArgs = readonly string[]

/** The command that runs one cell, or one case of it, again: ready to be pasted into a shell. */
export const rerunCommand = (results: Results, cell: CellResult, caseId: string | undefined, sourceArgs: SourceArgs): string => {
  const kernels = new Set(results.cells.map(({ kernel }) => kernel.name))
  return [
    './lab', 'run', ...sourceArgs,
    ...(kernels.size > 1 ? ['--kernel', cell.kernel.name] : []),
    '--config', cell.config,
    ...(cell.status === 'build-failed' ? [] : ['--machine', cell.machine]),
    ...(caseId === undefined ? [] : ['--case', caseId]),
  ].map(shellWord).join(' ')
}

const shellWord = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
