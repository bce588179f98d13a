import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { unlessMissing } from '../host/unless-missing.ts'
import type { JudgedState } from './lab-state.ts'
import type { Place } from './wrong-places.ts'

const place = z.strictObject({ config: z.string(), machine: z.string(), case: z.string().nullable() }) satisfies z.ZodType<Place>

const entry = z.discriminatedUnion('kind', [
  /** Both ends were judged: what is searched for. */
  z.strictObject({ kind: z.literal('ends'), places: z.array(place).min(1).readonly() }),
  z.strictObject({ kind: z.literal('judged'), id: z.string(), title: z.string(), verdict: z.enum(['good', 'bad', 'skip']), because: z.string() }),
])

/** What a search knows already, kept on the disk so that a stopped one goes on where it was. */
export interface Journal {
  readonly places: readonly Place[] | undefined
  judged(id: string): JudgedState | undefined
  addEnds(places: readonly Place[]): Promise<void>
  add(state: JudgedState): Promise<void>
}

/** A line an entry. What a killed lab wrote half is not read. */
export const openJournal = async (file: string): Promise<Journal> => {
  await mkdir(dirname(file), { recursive: true })
  const text = await unlessMissing(readFile(file, 'utf8')) ?? ''
  if (text !== '' && !text.endsWith('\n')) await appendFile(file, '\n')
  const entries = text.split('\n').flatMap(entryOf)
  const states = new Map(entries.flatMap((each) => (each.kind === 'judged' ? [[each.id, each] as const] : [])))
  const append = (line: z.infer<typeof entry>) => appendFile(file, `${JSON.stringify(line)}\n`)
  return {
    places: entries.find((each) => each.kind === 'ends')?.places,
    judged: (id) => states.get(id),
    addEnds: (places) => append({ kind: 'ends', places }),
    add: async (state) => {
      const line = { kind: 'judged', ...state } as const
      await append(line)
      states.set(state.id, line)
    },
  }
}

const entryOf = (line: string): readonly z.infer<typeof entry>[] => {
  try {
    return [entry.parse(JSON.parse(line))]
  } catch {
    return []
  }
}
