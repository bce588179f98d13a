import type { ConsoleReading } from './read-console.ts'
import type { GuestLife } from './transcript.ts'

/**
 * Why what one guest showed cannot be believed, or what the lab itself could not do; undefined when it can.
 * A check that does not work must not look like a clean log.
 */
export const labProblem = (life: GuestLife, reading: ConsoleReading): string | undefined => {
  if (life.end.how === 'lab-error') return life.end.because
  const error = life.events.find((event) => event.event === 'agent-error')
  if (error !== undefined) return `the agent could not do its work: ${error.message}`
  return unaskedEvent(life) ?? blindConsole(life, reading)
}

/** The agent's events must follow the request: each asked case at most once, its start before its end. */
const unaskedEvent = ({ asked, events }: GuestLife): string | undefined => {
  const known = new Set(asked)
  const started = new Set<string>()
  const ended = new Set<string>()
  for (const event of events) {
    if (event.event !== 'case-start' && event.event !== 'case-end') continue
    const { id } = event
    if (!known.has(id)) return `the agent reported ${id}, which it was not asked to run`
    const seen = event.event === 'case-start' ? started : ended
    if (seen.has(id)) return `the agent reported the ${event.event === 'case-start' ? 'start' : 'end'} of ${id} twice`
    if (event.event === 'case-end' && !started.has(id)) return `the agent reported the end of ${id} without its start`
    seen.add(id)
  }
  return undefined
}

const blindConsole = ({ events, end }: GuestLife, reading: ConsoleReading): string | undefined => {
  if (reading.dropped !== undefined) return `the guest's console is not whole: ${reading.dropped}`
  if (end.how === 'interrupted') return undefined
  const reported = events.filter((event) => event.event === 'case-start' || event.event === 'case-end')
  const missing = new Set(reported.filter((event) => !(event.event === 'case-start' ? reading.started : reading.ended).has(event.id)).map(({ id }) => id))
  const [first] = missing
  if (first === undefined) return undefined
  const others = missing.size === 1 ? '' : ` and ${missing.size - 1} more`
  return `the guest's console has no mark of ${first}${others}: what the kernel said while it ran is not known`
}
