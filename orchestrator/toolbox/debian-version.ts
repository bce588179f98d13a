/**
 * Compares two versions of Debian packages as dpkg does (Debian Policy 5.6.12): negative when `a` is older, 0 when they are equal.
 */
export const compareDebianVersions = (a: string, b: string): number => {
  const [left, right] = [parse(a), parse(b)]
  return left.epoch - right.epoch || compareParts(left.upstream, right.upstream) || compareParts(left.revision, right.revision)
}

const parse = (version: string): { epoch: number; upstream: string; revision: string } => {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    // No revision is the same as revision 0.
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  }
}

/** Turn by turn a run of non-digits, letters before the rest and ~ before everything, even the end; then a run of digits, by value. */
const compareParts = (a: string, b: string): number => {
  let [left, right] = [a, b]
  while (left !== '' || right !== '') {
    const [leftWord, rightWord] = [leading(left, /^\D*/), leading(right, /^\D*/)]
    const words = compareWords(leftWord, rightWord)
    if (words !== 0) return words
    left = left.slice(leftWord.length)
    right = right.slice(rightWord.length)
    const [leftDigits, rightDigits] = [leading(left, /^\d*/), leading(right, /^\d*/)]
    const numbers = BigInt(leftDigits || '0') - BigInt(rightDigits || '0')
    if (numbers !== 0n) return numbers < 0n ? -1 : 1
    left = left.slice(leftDigits.length)
    right = right.slice(rightDigits.length)
  }
  return 0
}

const leading = (text: string, pattern: RegExp): string => pattern.exec(text)?.[0] ?? ''

const compareWords = (a: string, b: string): number => {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = weight(a[index]) - weight(b[index])
    if (difference !== 0) return difference
  }
  return 0
}

const weight = (character: string | undefined): number => {
  if (character === undefined) return 0
  if (character === '~') return -1
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256
}
