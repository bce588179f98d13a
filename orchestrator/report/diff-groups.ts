import { countText } from '../host/count-text.ts'
import { stableText } from '../verdict/stable-text.ts'
import { CHANGES, type Difference, type Place, type RunDiff, type Side } from '../verdict/run-diff.ts'

/** The same difference in several cells. */
export interface DiffGroup {
  readonly difference: Difference
  readonly cells: readonly string[]
}

/** Worst first: what speaks against B, then by kind of change; the same difference of several cells is told once. */
export const diffGroups = ({ cells }: RunDiff): readonly DiffGroup[] => {
  const groups = new Map<string, DiffGroup>()
  for (const { id, differences } of cells) {
    for (const difference of differences) {
      const key = keyOf(difference)
      const same = groups.get(key)
      groups.set(key, { difference: same?.difference ?? difference, cells: [...(same?.cells ?? []), id] })
    }
  }
  const rank = ({ difference: { worse, change } }: DiffGroup) => (worse ? 0 : CHANGES.length) + CHANGES.indexOf(change)
  return [...groups.values()].toSorted((a, b) => rank(a) - rank(b))
}

const keyOf = ({ change, worse, place, was, is, because }: Difference): string =>
  JSON.stringify([change, worse, place, sideKey(was), sideKey(is), because])

const sideKey = (side: Side | undefined) =>
  side === undefined ? null : [side.verdict, side.unexpected, stableText(side.message ?? ''), side.measures, (side.splats ?? []).map(stableText)]

/** What a place is called. */
export const placeName = (place: Place): string => {
  switch (place.kind) {
    case 'case': return place.id
    case 'between': return 'between the cases'
    case 'cell': return 'the whole cell'
  }
}

/** What one run says, in lines that are not cleaned; of its figures only those that the other has not or has otherwise. */
export const sideLines = (side: Side, other: Side | undefined): readonly string[] => {
  const [first = '', ...more] = side.message?.split('\n') ?? []
  const figures = Object.entries(side.measures ?? {}).filter(([name, value]) => other !== undefined && other.measures?.[name] !== value)
  return [`${side.verdict}${first === '' ? '' : `: ${first}`}`, ...more, ...figures.map(([name, value]) => `${name} = ${value}`), ...(side.splats ?? [])]
}

/** `2 broken, 1 gone`; undefined when nothing is different. */
export const countsText = ({ counts }: RunDiff): string | undefined => {
  const told = CHANGES.filter((change) => counts[change] > 0).map((change) => `${counts[change]} ${change}`)
  return told.length === 0 ? undefined : told.join(', ')
}

/** `debian 7.3.0-rc7 with 3 patches`, not cleaned. */
export const kernelText = (kernels: RunDiff['a']['kernels']): string =>
  kernels.map(({ name, release, patches }) =>
    `${name} ${release}${patches.length === 0 ? '' : ` with ${countText(patches.length, 'patch', 'patches')}`}`).join(', ')
