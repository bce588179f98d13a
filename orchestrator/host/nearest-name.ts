import { distance } from 'fastest-levenshtein'

/** The known name that a mistyped one most likely meant; undefined when none is near. */
export const nearestName = (wrong: string, known: readonly string[]): string | undefined => {
  const lower = wrong.toLowerCase()
  const scored = known
    .map((name) => ({ name, score: scoreOf(lower, name.toLowerCase()) }))
    .toSorted((a, b) => a.score - b.score)
  const [best] = scored
  return best !== undefined && best.score <= Math.max(2, Math.floor(wrong.length / 2)) ? best.name : undefined
}

/** Edits between the two; a part of a name is as near as one edit. */
const scoreOf = (wrong: string, name: string): number => {
  const edits = distance(wrong, name)
  return wrong.length > 2 && name.includes(wrong) ? Math.min(edits, 1) : edits
}

/** `; did you mean iommufd?`, or `; there are cdev, group, iommufd` when nothing is near. */
export const suggestion = (wrong: string, known: readonly string[]): string => {
  const nearest = nearestName(wrong, known)
  if (nearest !== undefined) return `; did you mean ${nearest}?`
  if (known.length === 0) return ''
  return `; there ${known.length === 1 ? 'is' : 'are'} ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', ...' : ''}`
}
