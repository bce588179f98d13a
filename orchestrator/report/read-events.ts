import { readFileSync } from 'node:fs'
import { yours } from '../host/errors.ts'
import type { LabEvent } from '../run/lab-event.ts'
import { labEvent } from './event-schema.ts'
import { jsonOf } from '../host/json-of.ts'

/**
 * An event log back from disk, every line checked. A last line without its end is what a killed run leaves and is ignored.
 * Keys that this lab does not know stay: what is made again from the events is the same to the byte.
 * Throws yours/EVENTS_INVALID with the number of the first line that is no event.
 */
export const readEvents = (path: string): readonly LabEvent[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      const value = jsonOf(line)
      if (isLabEvent(value)) return value
      const issue = labEvent.safeParse(value).error?.issues[0]
      throw yours('EVENTS_INVALID', `${path}:${index + 1} is no event of a run: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`, {
        hint: 'The file was changed, or another version of the lab wrote it.',
      })
    })

const isLabEvent = (value: unknown): value is LabEvent => labEvent.safeParse(value).success
