import { countText } from '../host/count-text.ts'
import type { CellTimes, TimeChange, TimesDiff } from '../verdict/run-diff.ts'

const MOST_CHANGES = 10

/** `3 of 84 times are slower or faster by more than 1.25x`; undefined when none is. */
export const timesText = ({ noiseFactor, compared, cells }: TimesDiff): string | undefined => {
  const changed = cells.reduce((sum, { changes }) => sum + changes.length, 0)
  return changed === 0 ? undefined : `${changed} of ${countText(compared, 'time')} slower or faster by more than ${noiseFactor}x`
}

/** Those of a cell that changed most, and how many more there are. */
export const mostChanged = ({ changes }: CellTimes): { readonly changes: readonly TimeChange[]; readonly more: number } =>
  ({ changes: changes.slice(0, MOST_CHANGES), more: Math.max(0, changes.length - MOST_CHANGES) })

/** `2.31x slower`, `1.40x faster` */
export const ratioText = ({ ratio }: TimeChange): string => (ratio > 1 ? `${ratio.toFixed(2)}x slower` : `${(1 / ratio).toFixed(2)}x faster`)

/** `performance/cdev map2MiBUs 12.5 -> 28.9`, not cleaned. */
export const changeText = ({ id, measure, was, is }: TimeChange): string => `${id} ${measure} ${was} -> ${is}`
