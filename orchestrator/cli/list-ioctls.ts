import { holesOf, type IoctlCoverage } from '../coverage/ioctl-coverage.ts'
import { runCoverage } from '../coverage/run-coverage.ts'
import { countText } from '../host/count-text.ts'
import { findResults } from '../report/find-results.ts'
import type { Listing } from './list-machines.ts'

/** Every ioctl of the kernels of these runs, and what came of it in any of them: what nobody provoked stands beside what nobody can. */
export const listIoctls = (runs: readonly string[]): Listing => {
  const coverage = runCoverage(runs.flatMap((run) => findResults(run, process.cwd()).cells))
  const holes = coverage.flatMap(holesOf).length
  return {
    rows: coverage.map((row) => ({ cells: cellsOf(row), json: { ...row, hole: holesOf(row).length > 0 } })),
    total: `${countText(coverage.length, 'ioctl')}, ${countText(holes, 'hole')}`,
  }
}

const cellsOf = (row: IoctlCoverage): readonly string[] => {
  const { ioctl, succeeded, neverSucceeds, refused, unreachable } = row
  return [
    ioctl,
    [succeeded ? 'ok' : '-', ...refused].join(' '),
    [
      ...holesOf(row),
      ...(succeeded || neverSucceeds === undefined ? [] : [`no success: ${neverSucceeds}`]),
      ...Map.groupBy(unreachable, ({ because }) => because).entries().map(([because, errnos]) => `no ${errnos.map(({ errno }) => errno).join(', ')}: ${because}`),
    ].join('; '),
  ]
}
