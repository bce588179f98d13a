import type { IoctlOutcomes } from '../../guest-agent/protocol.ts'

/** What several cases or cells made of the ioctls, together and sorted. */
export const joinedOutcomes = (each: readonly IoctlOutcomes[]): IoctlOutcomes => {
  const joined = new Map<string, Set<string>>()
  for (const [ioctl, outcomes] of each.flatMap((one) => Object.entries(one))) {
    const known = joined.get(ioctl) ?? new Set<string>()
    joined.set(ioctl, known)
    for (const outcome of outcomes) known.add(outcome)
  }
  return Object.fromEntries([...joined].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([ioctl, outcomes]) => [ioctl, [...outcomes].toSorted()]))
}
