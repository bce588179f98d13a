import type { ConsoleReading } from './read-console.ts'
import type { SplatKind } from './results.ts'

const OOPSES: readonly SplatKind[] = ['oops', 'null-deref', 'gpf']

/** What the guest's death is called when it was seen live: on the whole console, of which a boot that failed may leave only the end. */
const NAMED_DEATH = /^(?:oops in|panic:) /

/**
 * One line that says why a guest did not boot: `oops in alloc_irq_table`.
 * @param because how its boot ended as far as its host could see: a death by name, or what was waited for
 */
export const bootFailure = (reading: ConsoleReading, because: string): string => {
  const oops = reading.splats.find(({ kind }) => OOPSES.includes(kind))
  if (oops !== undefined) {
    const place = oops.title.lastIndexOf(' in ')
    return place < 0 ? oops.title : `oops${oops.title.slice(place)}`
  }
  if (NAMED_DEATH.test(because)) return because
  const fatal = reading.splats.find(({ kind }) => kind === 'panic' || kind === 'bug') ?? reading.splats[0]
  if (fatal === undefined) return because
  return fatal.kind === 'panic' || fatal.kind === 'bug' ? fatal.title : `${because}; before that, ${fatal.title}`
}
