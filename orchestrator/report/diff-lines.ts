import { cleanLine } from '../host/clean-text.ts'
import { countText } from '../host/count-text.ts'
import type { DiffedRun, RunDiff, Side } from '../verdict/run-diff.ts'
import { countsText, diffGroups, type DiffGroup, kernelText, placeName, sideLines } from './diff-groups.ts'
import type { Look, Paint } from './paint.ts'
import { timeLines } from './time-lines.ts'

const MOST_LINES = 6

/** The difference of two runs for a person at a terminal. */
export const diffLines = (diff: RunDiff, paint: Paint): readonly string[] => [
  runLine('A', diff.a, paint),
  runLine('B', diff.b, paint),
  '',
  ...differenceLines(diff, paint),
  lastLine(diff, paint),
]

/** Only the differences, the same ones of several cells told once, and what is slower or faster. */
export const differenceLines = (diff: RunDiff, paint: Paint): readonly string[] =>
  [...diffGroups(diff).flatMap((group) => groupLines(group, paint)), ...timeLines(diff.times, paint)]

const runLine = (letter: string, { id, kernels, interrupted }: DiffedRun, paint: Paint): string =>
  `${paint('strong', letter)}  ${cleanLine(id)}  ${cleanLine(kernelText(kernels))}${interrupted ? paint('odd', '  interrupted: what is missing says nothing') : ''}`

const groupLines = ({ difference: { change, worse, place, was, is, because }, cells }: DiffGroup, paint: Paint): readonly string[] => [
  `${paint(lookOf(change, worse), worse ? change.toUpperCase() : change)} ${paint('strong', cleanLine(placeName(place)))}`,
  ...(was === undefined ? [] : said('was', was, is, paint)),
  ...(is === undefined ? [] : said('is', is, was, paint)),
  ...(because === undefined ? [] : [`  ${paint('quiet', 'because')} ${cleanLine(because, 300)}`]),
  `  ${paint('quiet', 'in')} ${cells.map((cell) => cleanLine(cell)).join(', ')}`,
  '',
]

const said = (word: string, side: Side, other: Side | undefined, paint: Paint): readonly string[] => {
  const lines = sideLines(side, other)
  return [
    ...lines.slice(0, MOST_LINES).map((line, index) => `  ${paint('quiet', (index === 0 ? word : '').padEnd(3))} ${cleanLine(line, 300)}`),
    ...(lines.length > MOST_LINES ? ['      ...'] : []),
  ]
}

const lookOf = (change: string, worse: boolean): Look => {
  if (worse) return 'bad'
  return change === 'fixed' ? 'good' : 'quiet'
}

const lastLine = (diff: RunDiff, paint: Paint): string => {
  const { cells, cases } = diff.compared
  const verdict = diff.worse ? paint('bad', 'B is worse') : paint('good', 'nothing is worse')
  return `${countText(cells, 'cell')} with ${countText(cases, 'case')} compared: ${countsText(diff) ?? 'no difference'}; ${verdict}`
}
