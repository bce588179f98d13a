import { StringDecoder } from 'node:string_decoder'

/**
 * Cuts a byte stream into lines at \n, \r\n or \r. A line longer than maxChars is handed on in its first maxChars characters and the rest
 * of it is dropped, so that memory stays bounded whatever comes. `end` hands on an unfinished last line.
 */
export const lineSplitter = (onLine: (line: string) => void, maxChars = 64 * 1024): { push(chunk: Buffer): void; end(): void } => {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let sawCarriageReturn = false
  const emit = () => {
    onLine(pending)
    pending = ''
  }
  const take = (text: string) => {
    const room = maxChars - pending.length
    if (room > 0) pending += text.slice(0, room)
  }
  const feed = (text: string) => {
    const rest = sawCarriageReturn && text.startsWith('\n') ? text.slice(1) : text
    if (text !== '') sawCarriageReturn = text.endsWith('\r')
    const parts = rest.split(/\r\n|\n|\r/)
    for (const [index, part] of parts.entries()) {
      take(part)
      if (index < parts.length - 1) emit()
    }
  }
  return {
    push: (chunk) => { feed(decoder.write(chunk)) },
    end: () => {
      feed(decoder.end())
      if (pending !== '') emit()
    },
  }
}
