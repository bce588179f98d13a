import { ioctlCoverage, type IoctlCoverage, isHole } from '../coverage/ioctl-coverage.ts'
import { REFUSALS } from '../coverage/refusals.ts'
import { WITHOUT_SUCCESS } from '../coverage/without-success.ts'
import { findResults } from '../report/find-results.ts'
import { joinedOutcomes } from '../verdict/joined-outcomes.ts'
import type { Listed } from './list-machines.ts'

/** Every ioctl of the kernels of these runs, and what came of it in any of them: what nobody provoked stands beside what nobody can. */
export const listIoctls = (runs: readonly string[]): readonly Listed[] => {
  const outcomes = runs.flatMap((run) => findResults(run, process.cwd()).cells).flatMap(({ ioctls }) => (ioctls === undefined ? [] : [ioctls]))
  return ioctlCoverage(joinedOutcomes(outcomes), REFUSALS, WITHOUT_SUCCESS).map((row) => ({ cells: cellsOf(row), json: { ...row, hole: isHole(row) } }))
}

const cellsOf = ({ ioctl, succeeded, neverSucceeds, refused, missed, unreachable, strangers }: IoctlCoverage): readonly string[] => [
  ioctl,
  [succeeded ? 'ok' : '-', ...refused].join(' '),
  [
    ...(succeeded || neverSucceeds !== undefined ? [] : ['never succeeded']),
    ...missed.map(({ errno, when }) => `not seen: ${errno} (${when})`),
    ...strangers.map((errno) => `unknown: ${errno}`),
    ...(succeeded || neverSucceeds === undefined ? [] : [`no success: ${neverSucceeds}`]),
    ...Map.groupBy(unreachable, ({ because }) => because).entries().map(([because, errnos]) => `no ${errnos.map(({ errno }) => errno).join(', ')}: ${because}`),
  ].join('; '),
]
