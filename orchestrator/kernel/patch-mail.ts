/** One message of an mbox, or the one mail that a file is. Text holds bytes as Latin-1 characters. */
export interface PatchMail {
  /** Header fields by their lower-case name; folded lines are joined. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** `[PATCH v4 2/5] vfio: ...` */
export interface PatchNumber {
  readonly index: number
  readonly count: number
}

/** A line with which a message of an mbox begins: `From <sender or commit> <date>`. */
const ENVELOPE = /^From \S+ .*\d{1,2}:\d{2}.*\d{4}/
/** The one of git format-patch, which nothing else looks like: between files that were only put one after another no line is empty. */
const ENVELOPE_OF_GIT = /^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$/

/** The messages of an mbox; of anything else the whole as one, with its headers if it begins with some. */
export const splitMails = (text: string): readonly PatchMail[] => {
  const messages: string[][] = []
  let afterEmpty = true
  for (const line of text.split('\n')) {
    if (afterEmpty ? ENVELOPE.test(line) : ENVELOPE_OF_GIT.test(line)) messages.push([])
    else if (messages.length === 0) messages.push([line])
    else messages.at(-1)?.push(line)
    afterEmpty = line === ''
  }
  // The last line of a diff must end, also where the next message follows at once.
  return messages.map((lines) => mailOf(lines.at(-1) === '' ? lines : [...lines, ''])).filter(({ headers, body }) => headers.size > 0 || body.trim() !== '')
}

const FIELD = /^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$/

const mailOf = (lines: readonly string[]): PatchMail => {
  const first = lines.findIndex((line) => line !== '')
  const head = lines.slice(Math.max(first, 0))
  const end = head.indexOf('')
  const headers = new Map<string, string>()
  // `Index:` begins a diff of old tools, and no mail.
  if (!FIELD.test(head[0] ?? '') || /^Index: /.test(head[0] ?? '')) return { headers, body: lines.join('\n') }
  let last = ''
  for (const line of head.slice(0, end === -1 ? undefined : end)) {
    const field = FIELD.exec(line)
    if (/^[ \t]/.test(line) && last !== '') {
      headers.set(last, `${headers.get(last) ?? ''} ${line.trim()}`)
    } else if (field !== null) {
      last = (field[1] ?? '').toLowerCase()
      headers.set(last, field[2] ?? '')
    } else {
      return { headers: new Map(), body: lines.join('\n') }
    }
  }
  return { headers, body: end === -1 ? '' : head.slice(end + 1).join('\n') }
}

/** The subject in Unicode without what is in brackets before it. */
export const subjectOf = ({ headers }: PatchMail): string => decodedWords(headers.get('subject') ?? '').replace(/^(?:\s*\[[^\]]*\])+\s*/, '').replaceAll(/\s+/g, ' ').trim()

/** From the first pair of brackets that has one; undefined in a mail that is no part of a series. */
export const numberOf = ({ headers }: PatchMail): PatchNumber | undefined => {
  const brackets = decodedWords(headers.get('subject') ?? '').match(/\[[^\]]*\]/g) ?? []
  const found = brackets.map((text) => /(?:^|[\s[])(\d+)\/(\d+)\]/.exec(text)).find((match) => match !== null)
  return found === undefined ? undefined : { index: Number(found[1]), count: Number(found[2]) }
}

/** RFC 2047: `=?UTF-8?q?vfio=3A?=`; the space between two encoded words belongs to neither. */
const decodedWords = (text: string): string =>
  Buffer.from(text.replaceAll(/(=\?[^?]+\?[bq]\?[^?]*\?=)\s+(?==\?)/gi, '$1'), 'latin1').toString('utf8')
    .replaceAll(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_, charset: string, how: string, data: string) => {
      const bytes = how.toLowerCase() === 'b' ? Buffer.from(data, 'base64') : Buffer.from(unescaped(data.replaceAll('_', ' ')), 'latin1')
      return bytes.toString(/^iso-8859-|^latin/i.test(charset) ? 'latin1' : 'utf8')
    })

const unescaped = (text: string): string => text.replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** The body as it was before it was made fit for old mail servers; undefined for an encoding that hides the patch: base64. */
export const decodedBody = ({ headers, body }: PatchMail): string | undefined => {
  const encoding = headers.get('content-transfer-encoding')?.trim().toLowerCase()
  if (encoding === 'base64') return undefined
  return encoding === 'quoted-printable' ? unescaped(body.replaceAll(/=[ \t]*\n/g, '')) : body
}
