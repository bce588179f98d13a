import { cleanLine } from '../host/clean-text.ts'
import type { PatchStep } from '../verdict/patch-steps.ts'
import { countsText } from './diff-groups.ts'
import { differenceLines } from './diff-lines.ts'
import type { Paint } from './paint.ts'

/** What each step of a series changed: one line where nothing did, else all of it; at the end which patch is the first that breaks something. */
export const stepLines = (steps: readonly PatchStep[], paint: Paint): readonly string[] => {
  const worse = steps.filter(({ diff }) => diff.worse)
  const [first] = worse
  return [
    '',
    ...steps.flatMap((step) => [
      `${paint(step.diff.worse ? 'bad' : 'good', step.diff.worse ? 'WORSE' : 'ok   ')} ${paint('strong', titleOf(step))}  ${paint('quiet', countsText(step.diff) ?? 'no difference')}`,
      ...warningLines(step, paint),
      ...differenceLines(step.diff, paint).map((line) => (line === '' ? '' : `  ${line}`)),
    ]),
    '',
    first === undefined
      ? paint('good', 'nothing is worse with the patches')
      : `${paint('bad', `${worse.length} of ${steps.length} steps ${worse.length === 1 ? 'makes' : 'make'} something worse`)}, the first is: ${titleOf(first)}`,
  ]
}

const MOST_WARNINGS = 10

const warningLines = ({ newWarnings }: PatchStep, paint: Paint): readonly string[] => [
  ...newWarnings.slice(0, MOST_WARNINGS).map(({ text, configs }) => `  ${paint('odd', 'warning')} ${cleanLine(text, 300)}  ${paint('quiet', `in ${configs.map((config) => cleanLine(config)).join(', ')}`)}`),
  ...(newWarnings.length > MOST_WARNINGS ? [`  and ${newWarnings.length - MOST_WARNINGS} more new warnings, see results.json`] : []),
]

const titleOf = ({ patches, diff: { b } }: PatchStep): string => {
  const kernel = b.kernels.map(({ name }) => cleanLine(name)).join(', ')
  const titles = patches.map((title) => cleanLine(title, 120))
  return `${kernel}: ${titles.length > 3 ? `${titles.length} patches` : titles.join('; ')}`
}
