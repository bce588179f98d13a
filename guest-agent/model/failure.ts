import { pasteCase } from './paste.ts'
import type { SearchResult } from './search.ts'

/** The lines of a long sequence; with all around them a message stays below 3500 characters. */
const MAX_LINES_LENGTH = 2200

/** What a person wants to know of a difference: what it is, how to see it again, and the sequence as a case. */
export const failureText = (
  found: NonNullable<SearchResult['found']>, { caseId, withDevice }: { readonly caseId: string; readonly withDevice: boolean },
): string => {
  const { difference, code } = pasteCase(found.steps, { seed: found.seed, withDevice, maxLength: MAX_LINES_LENGTH })
  const first = `found after ${Math.round(found.afterMs)} ms, in a sequence of ${found.firstCalls} calls`
  return `${difference}\nseed ${found.seed}: ./lab run --case ${caseId} --seed ${found.seed}\n${code}\n${first}`
}
