import { cleanLine } from '../host/clean-text.ts'

/** One message of the kernel's log as it stands on a console line. */
export interface ConsoleMessage {
  /** Task or CPU that printed it (CONFIG_PRINTK_CALLER), e.g. `T12`; empty when the console does not say. */
  readonly caller: string
  /** Without the time and the caller, trimmed at the end. */
  readonly text: string
}

const MOST_LINE_CHARS = 1000

// `[    1.234567] `, `<4>[    1.234567] `, `[    1.234567][   T12] `
const PREFIX = /(?:<\d{1,3}>)?\[ {0,11}\d{1,11}\.\d{6}\](?:\[ {0,11}(?<caller>[TC]\d{1,10})\])? ?/g

/**
 * The messages of one line: most often one. What a program wrote without a line end stands in front of the kernel's next message,
 * so every printk prefix begins a message of its own.
 */
export const readConsoleLine = (line: string): readonly ConsoleMessage[] => {
  const prefixes = [...line.matchAll(PREFIX)]
  const before = line.slice(0, prefixes[0]?.index ?? line.length).trimEnd()
  const messages = prefixes.map((prefix, index): ConsoleMessage => ({
    caller: prefix.groups?.['caller'] ?? '',
    text: line.slice(prefix.index + prefix[0].length, prefixes[index + 1]?.index ?? line.length).trimEnd(),
  }))
  return before === '' ? messages : [{ caller: '', text: before }, ...messages]
}

/** A console line fit for reading and for reports, whatever the guest printed. */
export const cleanConsoleLine = (raw: string): string => cleanLine(raw, MOST_LINE_CHARS)
