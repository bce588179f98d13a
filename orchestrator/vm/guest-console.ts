import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { cleanLine } from '../host/clean-text.ts'
import { lineSplitter } from '../host/line-splitter.ts'

/** A broken guest may print for ever: this much is kept, of the file and in memory. */
const MOST_BYTES = 16 * 2 ** 20
const MOST_LINES = 100_000
const LONGEST_LINE = 1000

/** The serial console: all lines so far, and who waits for more. */
export interface GuestConsole {
  readonly lines: readonly string[]
  /** Calls for every line, those that came already included. */
  follow(onLine: (line: string) => void): Disposable
  /** Resolves when the stream has ended and console.log is written; never rejects. */
  readonly closed: Promise<void>
}

/** Follows the console stream: cleaned lines in memory and in `file`. `onFault`: the file cannot be written. */
export const guestConsole = (stream: Readable, file: string, onFault: (error: Error) => void): GuestConsole => {
  const lines: string[] = []
  const followers = new Set<(line: string) => void>()
  const log = createWriteStream(file)
  log.on('error', onFault)
  let bytes = 0
  const take = (raw: string) => {
    const line = cleanLine(raw, LONGEST_LINE)
    if (bytes < MOST_BYTES && lines.length < MOST_LINES) {
      const whole = bytes + line.length < MOST_BYTES && lines.length + 1 < MOST_LINES
      const kept = whole ? line : '[vfio-lab: the console said more than is kept]'
      bytes = whole ? bytes + line.length + 1 : MOST_BYTES
      lines.push(kept)
      log.write(`${kept}\n`)
    }
    for (const follower of followers) follower(line)
  }
  const splitter = lineSplitter(take)
  stream.on('data', (chunk: Buffer) => { splitter.push(chunk) })
  const closed = once(stream, 'close').catch(() => undefined).then(async () => {
    splitter.end()
    log.end()
    if (!log.closed) await once(log, 'close').catch(() => undefined)
  })
  return {
    lines,
    closed,
    follow: (onLine) => {
      lines.forEach(onLine)
      followers.add(onLine)
      return { [Symbol.dispose]: () => { followers.delete(onLine) } }
    },
  }
}

/** The first line for which `wanted` gives something. Rejects with the signal's reason. */
export const lineOf = <T>(console: GuestConsole, wanted: (line: string) => T | undefined, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const give = (settle: () => void) => {
      signal.removeEventListener('abort', abort)
      queueMicrotask(() => { following[Symbol.dispose]() })
      settle()
    }
    const abort = () => { give(() => { reject(asError(signal.reason)) }) }
    const following = console.follow((line) => {
      const found = wanted(line)
      if (found !== undefined) give(() => { resolve(found) })
    })
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
