import type { Results } from './results.ts'

/**
 * 0 all verdicts expected; 1 the kernel's: some are not; 3 the lab's: a cell could not be judged; 130 interrupted.
 * Several at once: 130, then 1, then 3.
 */
export const exitCode = ({ interrupted, cells, summary }: Pick<Results, 'interrupted' | 'cells' | 'summary'>): 0 | 1 | 3 | 130 => {
  if (interrupted) return 130
  if (cells.some(({ status }) => status === 'failed' || status === 'build-failed' || status === 'boot-failed')) return 1
  if (cells.some(({ status }) => status === 'lab-error')) return 3
  // A run that judged less than it planned has said nothing good.
  return cells.length === 0 || cells.length < summary.cells || summary.unexpected > 0 || summary.ran < summary.planned ? 3 : 0
}
