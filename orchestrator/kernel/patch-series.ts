import { cleanLine } from '../host/clean-text.ts'
import { type LabError, yours } from '../host/errors.ts'
import type { KernelPatch } from './kernel-input.ts'
import { decodedBody, numberOf, type PatchMail, type PatchNumber, splitMails, subjectOf } from './patch-mail.ts'
import { parseDiff, touchedPaths } from './unified-diff.ts'

/** The patches of one file, as they come, and how long the series says that it is. */
export interface PatchFile {
  readonly found: readonly FoundPatch[]
  readonly mails: number
  /** Of every mail that has a number, cover letters and answers included. */
  readonly counts: readonly number[]
}

interface FoundPatch {
  readonly patch: KernelPatch
  readonly number: PatchNumber | undefined
}

/**
 * Reads one file: a diff, a mail, or an mbox; cover letters and answers hold no patch. `text` holds bytes as Latin-1 characters.
 * Throws LabError yours: NO_PATCH, PATCH_HTML, PATCH_BASE64, PATCH_CRLF, PATCH_OUTSIDE.
 */
export const parsePatchFile = (name: string, text: string): PatchFile => {
  checkLines(name, text)
  const mails = splitMails(text)
  const found = mails.flatMap((mail) => patchOf(name, mail))
  if (found.length === 0) throw noPatch(name, text)
  return { found, mails: mails.length, counts: mails.flatMap((mail) => numberOf(mail)?.count ?? []) }
}

/**
 * The patches of these files as one series. Those of an mbox, or of a folder in which all have numbers, are put into the order of the numbers; one
 * mail alone is what was asked for, whatever its number. Throws LabError yours: SERIES_HOLE, SERIES_DOUBLE.
 */
export const seriesOf = (name: string, files: readonly PatchFile[]): readonly KernelPatch[] => {
  const found = files.flatMap((file) => file.found)
  const numbered = found.flatMap(({ number }) => number ?? [])
  const isMbox = files.length === 1 && (files[0]?.mails ?? 0) > 1
  const isSeries = isMbox ? numbered.length > 0 : found.length > 1 && numbered.length === found.length
  return (isSeries ? ordered(name, found, files.flatMap(({ counts }) => counts)) : found).map(({ patch }) => patch)
}

const checkLines = (name: string, text: string): void => {
  if (/\r\n/.test(text)) {
    throw yours('PATCH_CRLF', `${name} has the line ends of Windows: no patch with them applies to a kernel tree`, { hint: `take the mail as it was sent (b4 am), or type: sed -i 's/\\r$//' FILE` })
  }
  if (/^\s*<(!doctype|html)\b/i.test(text)) throw html(name)
}

const html = (name: string): LabError =>
  yours('PATCH_HTML', `${name} is a page of HTML, not a patch`, { hint: 'on lore.kernel.org take the link "mbox.gz" or "raw", or use b4 am' })

const patchOf = (name: string, mail: PatchMail): readonly FoundPatch[] => {
  if (/^text\/html/i.test(mail.headers.get('content-type') ?? '')) throw html(name)
  const body = decodedBody(mail)
  const title = cleanLine(subjectOf(mail), 200)
  if (body === undefined) {
    throw yours('PATCH_BASE64', `${name}: the mail "${title}" is encoded as base64`, { hint: 'b4 am decodes it: b4 am -o - MESSAGE-ID | ./lab run --patch -' })
  }
  const files = parseDiff(body)
  if (files.length === 0) return []
  const outside = touchedPaths(files).find((path) => path.startsWith('/') || path.split('/').some((part) => part === '..' || part === '.git' || part.startsWith('.objects-')))
  if (outside !== undefined) throw yours('PATCH_OUTSIDE', `${name} changes ${cleanLine(outside, 200)}, which is not in the tree`, { hint: 'patches are applied with -p1 in the top folder of the kernel' })
  return [{ patch: { title: title === '' ? name : title, text: body }, number: numberOf(mail) }]
}

const noPatch = (name: string, text: string): LabError =>
  yours('NO_PATCH', `${name} holds no patch`, {
    tail: text.split('\n').slice(0, 3).map((line) => cleanLine(line, 120)),
    hint: 'a patch is a unified diff (git format-patch, git diff, b4 am), with or without a mail around it',
  })

/** Mails come in any order; a number that is missing or there twice is not guessed at. */
const ordered = (name: string, found: readonly FoundPatch[], counts: readonly number[]): readonly FoundPatch[] => {
  const numbers = found.map(({ number }) => number)
  const seen = numbers.flatMap((number) => number?.index ?? [])
  if (new Set(counts).size > 1 || seen.length < found.length || new Set(seen).size < seen.length) {
    const told = numbers.map((number) => (number === undefined ? 'none' : `${number.index}/${number.count}`)).join(' ')
    throw yours('SERIES_DOUBLE', `${name} holds more than one series, or a patch twice: numbers ${told}`, {
      hint: 'give one version of one series: b4 am takes the newest',
    })
  }
  const count = counts[0] ?? 0
  const missing = Array.from({ length: Math.min(count, 1000) }, (_, index) => index + 1).filter((index) => !seen.includes(index))
  if (missing.length > 0) {
    throw yours('SERIES_HOLE', `${name} has ${found.length} of ${count} patches; missing: ${missing.slice(0, 20).join(', ')}`, { hint: 'b4 am fetches a whole series' })
  }
  return found.toSorted((a, b) => (a.number?.index ?? 0) - (b.number?.index ?? 0))
}
