/** What was asked of the kernel by ioctl and what came of it, for the table of what was exercised. */
const outcomes = new Map<string, Set<string>>()

/** @param outcome `ok` or the name of the errno */
export const noteOutcome = (ioctl: string, outcome: string): void => {
  const known = outcomes.get(ioctl)
  if (known === undefined) outcomes.set(ioctl, new Set([outcome]))
  else known.add(outcome)
}

/** What was noted since the last call: ioctl -> `ok` and errnos. */
export const takeOutcomes = (): Readonly<Record<string, readonly string[]>> => {
  const taken = Object.fromEntries([...outcomes].map(([ioctl, of]) => [ioctl, [...of]]))
  outcomes.clear()
  return taken
}
