import type { StateVerdict } from './lab-state.ts'

/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002: ddmin): a subset that is still bad, and of
 * which no single element can be left out. `all` is known to be bad, the empty set to be good. What cannot be judged is
 * taken for not bad. The subsets tried keep the order of `all`.
 * @param onSmaller called with each smaller bad subset that is found
 */
export const smallestSubset = async <T>(
  all: readonly T[], test: (subset: readonly T[]) => Promise<StateVerdict>, onSmaller: (subset: readonly T[]) => void = () => undefined,
): Promise<readonly T[]> => {
  let bad = all
  let parts = 2
  while (bad.length > 1) {
    const chunks = split(bad, parts)
    const smaller = await firstBad([...chunks, ...(parts > 2 ? chunks.map((chunk) => without(bad, chunk)) : [])], test)
    if (smaller !== undefined) {
      // A chunk is a new beginning; of a complement, the other chunks need not become larger again.
      parts = smaller.length <= Math.ceil(bad.length / parts) ? 2 : Math.max(parts - 1, 2)
      bad = smaller
      onSmaller(bad)
    } else if (parts >= bad.length) break
    else parts = Math.min(parts * 2, bad.length)
  }
  return bad
}

const firstBad = async <T>(subsets: readonly (readonly T[])[], test: (subset: readonly T[]) => Promise<StateVerdict>): Promise<readonly T[] | undefined> => {
  for (const subset of subsets) if (await test(subset) === 'bad') return subset
  return undefined
}

/** Into so many parts of nearly the same length. */
const split = <T>(items: readonly T[], parts: number): readonly (readonly T[])[] =>
  Array.from({ length: parts }, (_, index) => items.slice(Math.floor((items.length * index) / parts), Math.floor((items.length * (index + 1)) / parts)))

const without = <T>(items: readonly T[], some: readonly T[]): readonly T[] => {
  const gone = new Set(some)
  return items.filter((item) => !gone.has(item))
}
