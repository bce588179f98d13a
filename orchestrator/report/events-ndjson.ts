import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { labFault, yours } from '../host/errors.ts'
import type { Reporter } from './reporter.ts'

/** Name of the event log in the run folder. Every other file report can be made again from it. */
export const EVENTS_FILE = 'events.ndjson'

/**
 * One event a line, each handed to the kernel before the next thing happens: killing the lab loses none.
 * Throws yours/FOLDER_HOLDS_RUN: two runs never write into one log; lab/RUN_FOLDER when the file cannot be made.
 */
export const eventsNdjson = (runDir: string): Reporter => {
  const fd = create(join(runDir, EVENTS_FILE), runDir)
  return {
    name: EVENTS_FILE,
    onEvent: (event) => { writeAll(fd, Buffer.from(`${JSON.stringify(event)}\n`)) },
    onEnd: () => { closeSync(fd) },
  }
}

const create = (path: string, runDir: string) => {
  try {
    return openSync(path, 'wx')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw yours('FOLDER_HOLDS_RUN', `${runDir} holds the results of another run`, { cause, hint: 'Give this run a folder of its own, or remove that one.' })
    }
    throw labFault('RUN_FOLDER', `cannot write into ${runDir}`, { cause, hint: 'Is the disk full, or the folder read-only?' })
  }
}

const writeAll = (fd: number, bytes: Buffer) => {
  for (let written = 0; written < bytes.length;) written += writeSync(fd, bytes, written)
}
