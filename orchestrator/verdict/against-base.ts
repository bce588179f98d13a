import { nameWithoutPatches } from '../config/with-patches.ts'
import { diffRuns } from './diff-runs.ts'
import type { Results } from './results.ts'
import type { RunDiff } from './run-diff.ts'

/** Of a run of kernels with and without patches: what is different with them, one difference a kernel. */
export const againstBase = (results: Results): readonly RunDiff[] =>
  [...new Set(results.cells.map(({ kernel }) => kernel.name))].flatMap((name) =>
    (nameWithoutPatches(name) === name ? [] : [diffRuns(onKernel(results, nameWithoutPatches(name)), onKernel(results, name))]))

const onKernel = (results: Results, name: string): Results => ({
  ...results,
  cells: results.cells.filter(({ kernel }) => kernel.name === name),
  excluded: results.excluded.filter(({ id }) => id.startsWith(`${name}/`)),
})

/**
 * The exit code of such a run answers for the patches: 1 only for what is worse with them; what the lab could not judge is no answer: 3.
 * 130 interrupted.
 */
export const exitCodeAgainstBase = (results: Results, diffs: readonly RunDiff[]): 0 | 1 | 3 | 130 => {
  if (results.interrupted) return 130
  const worse = diffs.flatMap(({ cells }) => cells).flatMap(({ differences }) => differences).filter((difference) => difference.worse)
  if (worse.some(({ is }) => is?.verdict !== 'lab-error')) return 1
  const unjudged = results.cells.some(({ status }) => status === 'lab-error') || results.cells.length < results.summary.cells || results.cells.length === 0
  return unjudged ? 3 : 0
}
