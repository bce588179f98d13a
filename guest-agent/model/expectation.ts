/** What a call returns: an id, an IOVA, bytes; 0 when it returns nothing. IOVA ranges are a text: the literal of what Ioas.ranges() returns. */
export type Value = bigint | string

/** What the kernel said. */
export type Answer = { readonly errno: string } | { readonly value: Value }

/** What the kernel must say. Where the choice is the kernel's, every value that `accepts` allows is right, and `record` is told which one it was. */
export type Expectation =
  | { readonly refused: string }
  | { readonly returns: Value }
  | { readonly chooses: string; readonly accepts: (value: bigint) => boolean; readonly record: (value: bigint) => void }

export const DONE: Expectation = { returns: 0n }

export const refused = (errno: string): Expectation => ({ refused: errno })

/** Is the answer one that must or may come? A choice of the kernel's is recorded. */
export const settle = (expected: Expectation, answer: Answer): boolean => {
  if ('refused' in expected) return 'errno' in answer && answer.errno === expected.refused
  if ('errno' in answer) return false
  if ('returns' in expected) return answer.value === expected.returns
  if (typeof answer.value !== 'bigint' || !expected.accepts(answer.value)) return false
  expected.record(answer.value)
  return true
}

export const expectationText = (expected: Expectation): string => {
  if ('refused' in expected) return expected.refused
  return 'chooses' in expected ? expected.chooses : valueText(expected.returns)
}

export const answerText = (answer: Answer): string => ('errno' in answer ? answer.errno : valueText(answer.value))

const valueText = (value: Value): string => (typeof value === 'string' ? value : `0x${value.toString(16)}`)
