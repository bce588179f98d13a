/** How long so many pages took. */
export interface PagesTime {
  readonly pages: number
  readonly ns: number
}

/** How the time for a few pages and for many of them relate. */
export interface Growth {
  readonly fewestNsPerPage: number
  readonly mostNsPerPage: number
  /** Below 1: what a call costs whatever its length is shared by many pages. Above 1: a page costs more among many. */
  readonly ratio: number
}

/** @param times at least one */
export const growth = (times: readonly PagesTime[]): Growth => {
  const sorted = times.toSorted((a, b) => a.pages - b.pages)
  const [fewest, most] = [sorted[0], sorted.at(-1)]
  if (fewest === undefined || most === undefined) throw new RangeError('no time can grow')
  const [fewestNsPerPage, mostNsPerPage] = [fewest.ns / fewest.pages, most.ns / most.pages]
  return { fewestNsPerPage, mostNsPerPage, ratio: mostNsPerPage / fewestNsPerPage }
}
