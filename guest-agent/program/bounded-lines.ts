import { StringDecoder } from 'node:string_decoder'

/** Longer lines are cut, in characters. */
const MOST_CHARS = 2000

/** Cuts what a program says into lines; memory stays bounded whatever it says. `end` hands on an unfinished last line. */
export const boundedLines = (onLine: (line: string) => void): { push(chunk: Buffer): void; end(): void } => {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  const take = (text: string): void => {
    const [first = '', ...rest] = text.split('\n')
    pending += first.slice(0, Math.max(0, MOST_CHARS - pending.length))
    for (const part of rest) {
      onLine(pending.endsWith('\r') ? pending.slice(0, -1) : pending)
      pending = part.slice(0, MOST_CHARS)
    }
  }
  return {
    push: (chunk) => { take(decoder.write(chunk)) },
    end: () => {
      take(decoder.end())
      if (pending !== '') onLine(pending)
    },
  }
}
