import type { IoctlOutcomes } from '../../guest-agent/protocol.ts'
import type { Refusal } from './errno-table.ts'

/** What is known of one ioctl and what a run made of it. */
export interface IoctlCoverage {
  readonly ioctl: string
  readonly succeeded: boolean
  /** Why it cannot succeed in a guest of the lab. */
  readonly neverSucceeds?: string
  /** Errnos that came, and the table knows. */
  readonly refused: readonly string[]
  /** Errnos that the table knows, that can be provoked, and that did not come. */
  readonly missed: readonly { readonly errno: string; readonly when: string }[]
  /** Errnos that no guest of the lab can provoke, and why. */
  readonly unreachable: readonly { readonly errno: string; readonly because: string }[]
  /** Errnos that came and the table lacks. */
  readonly strangers: readonly string[]
}

/** What every descriptor says to an ioctl that it has not. */
const NOT_MINE = 'ENOTTY'

/**
 * The outcomes of a run held against the table of refusals. Every ioctl of the kernel's headers has a row, and every one that was called.
 * @param refusals every refusal of an ioctl that is known
 * @param without ioctl -> why it cannot succeed
 */
export const ioctlCoverage = (
  outcomes: IoctlOutcomes, refusals: Readonly<Record<string, readonly Refusal[]>>, without: Readonly<Record<string, string>>,
): readonly IoctlCoverage[] =>
  Object.keys(outcomes).map((ioctl) => {
    const came = new Set(outcomes[ioctl])
    const known = Map.groupBy(refusals[ioctl] ?? [], ({ errno }) => errno)
    const absent = [...known].filter(([errno]) => !came.has(errno))
    const because = without[ioctl]
    return {
      ioctl,
      succeeded: came.has('ok'),
      ...(because === undefined ? {} : { neverSucceeds: because }),
      refused: [...known.keys()].filter((errno) => came.has(errno)),
      missed: absent.flatMap(([errno, ways]) => {
        const way = ways.find(({ cannot }) => cannot === undefined)
        return way === undefined ? [] : [{ errno, when: way.when }]
      }),
      unreachable: absent.flatMap(([errno, ways]) => {
        const reasons = ways.flatMap(({ cannot }) => cannot ?? [])
        return reasons.length < ways.length ? [] : [{ errno, because: [...new Set(reasons)].join('; ') }]
      }),
      strangers: [...came].filter((outcome) => outcome !== 'ok' && outcome !== NOT_MINE && !known.has(outcome)),
    }
  })

/** What about it neither happened nor is explained, and what happened that nobody knows of. */
export const holesOf = ({ succeeded, neverSucceeds, missed, strangers }: IoctlCoverage): readonly string[] => [
  ...(succeeded || neverSucceeds !== undefined ? [] : ['never succeeded']),
  ...missed.map(({ errno, when }) => `not seen: ${errno} (${when})`),
  ...strangers.map((errno) => `unknown: ${errno}`),
]
