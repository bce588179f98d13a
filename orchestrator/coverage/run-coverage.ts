import { joinedOutcomes } from '../verdict/joined-outcomes.ts'
import type { CellResult } from '../verdict/results.ts'
import { ioctlCoverage, type IoctlCoverage } from './ioctl-coverage.ts'
import { REFUSALS } from './refusals.ts'
import { WITHOUT_SUCCESS } from './without-success.ts'

/** What cells, of one run or of several, made of all that is known of the ioctls. */
export const runCoverage = (cells: readonly Pick<CellResult, 'ioctls'>[]): readonly IoctlCoverage[] =>
  ioctlCoverage(joinedOutcomes(cells.flatMap(({ ioctls }) => (ioctls === undefined ? [] : [ioctls]))), REFUSALS, WITHOUT_SUCCESS)
