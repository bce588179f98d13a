import type { FirstBad } from '../bisect/first-bad.ts'
import type { SmallestConfig, TurnedSymbol } from '../bisect/smallest-config.ts'
import { cleanLine } from '../host/clean-text.ts'
import type { Paint } from './paint.ts'
import { placesText } from './search-lines.ts'

/** What a search for the first bad state found. `command` shows it; undefined: nothing was found. */
export const firstBadLines = ({ end, places }: FirstBad, command: string | undefined, paint: Paint): readonly string[] => [
  '',
  ...(end.kind === 'found'
    ? [`${paint('bad', 'the first bad one:')} ${paint('strong', cleanLine(end.state.title, 200))}`]
    : [paint('odd', `the first bad one is one of these ${end.states.length}, of which all but the last cannot be judged:`), ...end.states.map(({ title }) => `  ${cleanLine(title, 200)}`)]),
  ...placeAndCommand(placesText(places), command),
]

/** What a search between two configs found. */
export const smallestConfigLines = ({ differed, symbols, needed, places }: SmallestConfig, command: string, paint: Paint): readonly string[] => [
  '',
  paint('bad', `${symbols.length} of ${differed} symbols ${symbols.length === 1 ? 'turns' : 'turn'} the verdict:`),
  ...symbols.map((symbol) => `  ${paint('strong', turnText(symbol))}`),
  ...(needed.length === 0 ? [] : [`${paint('quiet', 'and with them Kconfig turns')} ${needed.map(turnText).join(', ')}`]),
  ...placeAndCommand(placesText(places), command),
]

const placeAndCommand = (places: string, command: string | undefined): readonly string[] => [
  `wrong there: ${cleanLine(places)}`,
  ...(command === undefined ? [] : [`show it:     ${command}`]),
]

const turnText = ({ symbol, was, is }: TurnedSymbol): string => `CONFIG_${symbol}: ${was} -> ${is}`
