import { cleanLine } from '../host/clean-text.ts'
import { countText } from '../host/count-text.ts'
import type { CellTimes, DiffedRun, RunDiff, Side, TimesDiff } from '../verdict/run-diff.ts'
import { countsText, diffGroups, type DiffGroup, kernelText, placeName, sideLines } from './diff-groups.ts'
import { changeText, mostChanged, ratioText, timesText } from './time-changes.ts'

const MOST_LINES = 6

/** The difference of two runs in Markdown, for a pull request or a mail: readable as it is, and nothing of a guest is markup. */
export const diffMarkdown = (diff: RunDiff): readonly string[] => {
  const { cells, cases } = diff.compared
  return [
    `**${diff.worse ? 'B is worse than A' : 'Nothing is worse in B'}**: ${countsText(diff) ?? 'no difference'} in ${countText(cells, 'cell')} with ${countText(cases, 'case')}.`,
    '',
    `- A: ${runText(diff.a)}`,
    `- B: ${runText(diff.b)}`,
    ...diffGroups(diff).flatMap((group) => ['', ...groupLines(group)]),
    ...timesLines(diff.times),
  ]
}

const runText = ({ id, kernels, interrupted }: DiffedRun): string =>
  `${code(kernelText(kernels))}, run ${code(id)}${interrupted ? ', interrupted: what is missing says nothing' : ''}`

const groupLines = ({ difference: { change, worse, place, was, is, because }, cells }: DiffGroup): readonly string[] => [
  `- **${worse ? change.toUpperCase() : change}** ${place.kind === 'case' ? code(place.id) : placeName(place)}`,
  ...(was === undefined ? [] : [`  - was ${said(was, is)}`]),
  ...(is === undefined ? [] : [`  - is ${said(is, was)}`]),
  ...(because === undefined ? [] : [`  - because ${code(because)}`]),
  `  - in ${cells.map(code).join(', ')}`,
]

const timesLines = (times: TimesDiff): readonly string[] => {
  const text = timesText(times)
  return text === undefined ? [] : ['', `**${text}**`, ...times.cells.flatMap((cell) => ['', ...cellTimesLines(cell)])]
}

const cellTimesLines = (cell: CellTimes): readonly string[] => {
  const { changes, more } = mostChanged(cell)
  return [
    `- in ${code(cell.id)}`,
    ...changes.map((change) => `  - ${ratioText(change)} ${code(changeText(change))}`),
    ...(more === 0 ? [] : [`  - and ${more} more`]),
  ]
}

const said = (side: Side, other: Side | undefined): string => {
  const lines = sideLines(side, other)
  return [...lines.slice(0, MOST_LINES).map(code), ...(lines.length > MOST_LINES ? ['...'] : [])].join(', ')
}

/** A code span: in it a guest's words are neither markup nor a mention of somebody. */
const code = (text: string): string => `\`${cleanLine(text, 300).replaceAll('`', '\'')}\``
