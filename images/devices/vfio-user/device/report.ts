import type { DmaRecord } from './dma.ts'

/** A device that is asked for a DMA in a loop must not fill the disk. */
const MOST_LINES = 100_000
const LONGEST_LINE = 4096

/** What the server says on its standard output: one JSON object a line, each with an `event`. */
export class Report {
  readonly #print: (line: string) => void
  #lines = 0
  #dmas = 0

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  line(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#lines += 1
    if (this.#lines === MOST_LINES) this.#print(JSON.stringify({ event: 'cut' }))
    // That QEMU is gone must be told, whatever was told before.
    if (this.#lines >= MOST_LINES && event !== 'disconnected') return
    const text = JSON.stringify({ event, ...fields }, (_, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value))
    this.#print(text.length > LONGEST_LINE ? JSON.stringify({ event, tooLong: text.length }) : text)
  }

  /** `number` counts all DMAs of this server, from 1. */
  dma({ direction, address, length, outcome }: DmaRecord): void {
    this.#dmas += 1
    const end = outcome.done ? { outcome: 'done' } : { outcome: outcome.sent ? 'refused' : 'not-sent', errno: outcome.errno, code: outcome.code }
    this.line('dma', { number: this.#dmas, direction, address, length, ...end })
  }

  error(event: string, error: unknown): void {
    this.line(event, { because: (error instanceof Error ? error.message : String(error)).slice(0, 500) })
  }
}
