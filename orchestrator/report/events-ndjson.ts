import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Reporter } from './reporter.ts'

/** Name of the event log in the run folder. Every other file report can be made again from it. */
export const EVENTS_FILE = 'events.ndjson'

/** One event a line, each handed to the kernel before the next thing happens: killing the lab loses none. */
export const eventsNdjson = (runDir: string): Reporter => {
  // Exclusive: two runs never write into one log.
  const fd = openSync(join(runDir, EVENTS_FILE), 'wx')
  return {
    name: EVENTS_FILE,
    onEvent: (event) => { writeAll(fd, Buffer.from(`${JSON.stringify(event)}\n`)) },
    onEnd: () => { closeSync(fd) },
  }
}

const writeAll = (fd: number, bytes: Buffer) => {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written)
}
