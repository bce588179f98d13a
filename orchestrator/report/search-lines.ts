import type { SearchEvent } from '../bisect/search-event.ts'
import { nameOf, type Place } from '../bisect/wrong-places.ts'
import { cleanLine } from '../host/clean-text.ts'
import { duration } from './durations.ts'
import type { Look, Paint } from './paint.ts'

/** One line that tells how far a search is. */
export const searchLine = (event: SearchEvent, paint: Paint): string => {
  switch (event.event) {
    case 'resumed': return `going on where this search was stopped; to begin anew, remove ${event.folder}`
    case 'ends': return `following what is wrong in the bad end only: ${cleanLine(placesText(event.places))}`
    case 'end': return cleanLine(`judging the ${event.end} end, ${event.title}`, 300)
    case 'left': return cleanLine(`${event.left} ${event.of}${event.of === 'symbols' ? '' : `, about ${Math.ceil(Math.log2(event.left))} to judge`}: ${event.title}`, 300)
    case 'judged': {
      const { state: { verdict, title, because }, ms, known } = event
      return `${paint(LOOKS[verdict], verdict.padEnd(4))} ${cleanLine(title, 160)}  ${paint('quiet', `${cleanLine(because, 120)}  (${known ? 'judged before' : duration(ms)})`)}`
    }
  }
}

const LOOKS = { good: 'good', bad: 'bad', skip: 'odd' } as const satisfies Record<string, Look>

const MOST_PLACES = 3

/** Not cleaned. */
export const placesText = (places: readonly Place[]): string =>
  `${places.slice(0, MOST_PLACES).map(nameOf).join(', ')}${places.length > MOST_PLACES ? `, and ${places.length - MOST_PLACES} more` : ''}`
