import { cleanLine } from '../host/clean-text.ts'
import type { TimesDiff } from '../verdict/run-diff.ts'
import type { Paint } from './paint.ts'
import { changeText, mostChanged, ratioText, timesText } from './time-changes.ts'

/** What takes longer or shorter, cell by cell, for a person at a terminal; nothing where all is within the noise. */
export const timeLines = (times: TimesDiff, paint: Paint): readonly string[] => {
  const text = timesText(times)
  if (text === undefined) return []
  return [
    paint('strong', text),
    ...times.cells.flatMap((cell) => {
      const { changes, more } = mostChanged(cell)
      return [
        `  ${paint('quiet', 'in')} ${cleanLine(cell.id)}`,
        ...changes.map((change) => `    ${paint(change.ratio > 1 ? 'odd' : 'good', ratioText(change))} ${cleanLine(changeText(change), 300)}`),
        ...(more === 0 ? [] : [`    ${paint('quiet', `and ${more} more`)}`]),
      ]
    }),
    '',
  ]
}
