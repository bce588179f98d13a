import type { ConsoleReading } from './read-console.ts'
import type { SplatKind } from './results.ts'

const OOPSES: readonly SplatKind[] = ['oops', 'null-deref', 'gpf']

/** One line that says why a guest did not boot: `oops in alloc_irq_table`; what was waited for when its console names nothing. */
export const bootFailure = (reading: ConsoleReading, because: string): string => {
  const oops = reading.splats.find(({ kind }) => OOPSES.includes(kind))
  if (oops !== undefined) {
    const place = oops.title.lastIndexOf(' in ')
    return place < 0 ? oops.title : `oops${oops.title.slice(place)}`
  }
  const fatal = reading.splats.find(({ kind }) => kind === 'panic' || kind === 'bug') ?? reading.splats[0]
  if (fatal === undefined) return because
  return fatal.kind === 'panic' || fatal.kind === 'bug' ? fatal.title : `${because}; before that, ${fatal.title}`
}
