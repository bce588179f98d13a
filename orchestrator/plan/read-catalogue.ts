import { z } from 'zod'
import { cleanLine } from '../host/clean-text.ts'
import { labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import { jsonOf } from '../host/json-of.ts'
import { caseInfo } from '../vm/case-info.ts'
import { uapiBeliefs } from '../vm/uapi-beliefs.ts'
import type { CaseInfo, UapiBeliefs } from '../../guest-agent/protocol.ts'

const LIMIT_MS = 30_000
const MOST_BYTES = 16 * 2 ** 20

/** What the agent says of itself. */
export interface AgentsWord {
  readonly cases: readonly CaseInfo[]
  readonly uapi: UapiBeliefs
}

/**
 * Every case that the agent has and what it believes of the uapi headers, by running its bundle on this host with `{list}`: importing a suite has no side effect.
 * @param bundle path of the agent's bundle, an ES module
 * Throws LabError lab: CATALOGUE_INVALID, or what the process ended with.
 */
export const readCatalogue = async (bundle: string): Promise<AgentsWord> => {
  const what = "the agent's list of cases"
  const { stdout } = await run(
    { file: process.execPath, args: ['--no-warnings', bundle] },
    { what, input: '{"list":true}\n', timeoutMs: LIMIT_MS, maxOutputBytes: MOST_BYTES },
  )
  const events = stdout.split('\n').filter((line) => line.trim() !== '').map((line) => eventOf(line))
  const cases = events.flatMap((event) => (event?.event === 'catalogue' ? event.cases : []))
  const uapi = events.find((event) => event?.event === 'uapi')?.uapi
  const problem = cases.length === 0 ? 'it is empty' : wrongWith(cases)
  if (problem !== undefined) throw labFault('CATALOGUE_INVALID', `${what}: ${problem}`)
  if (uapi === undefined) throw labFault('CATALOGUE_INVALID', `${what}: it does not say what it believes of the uapi headers`)
  return { cases, uapi }
}

const eventName = z.looseObject({ event: z.string() })
const answer = z.discriminatedUnion('event', [
  z.object({ event: z.literal('catalogue'), cases: z.array(caseInfo) }),
  z.object({ event: z.literal('uapi'), uapi: uapiBeliefs }),
])

/** Undefined: an event that says neither. */
const eventOf = (line: string): z.infer<typeof answer> | undefined => {
  const event = eventName.safeParse(jsonOf(line))
  if (!event.success) throw labFault('CATALOGUE_INVALID', `the agent's list of cases: no event: ${cleanLine(line, 200)}`)
  if (event.data.event === 'agent-error') throw labFault('CATALOGUE_INVALID', `the agent cannot list its cases: ${cleanLine(line, 300)}`)
  if (event.data.event !== 'catalogue' && event.data.event !== 'uapi') return undefined
  const known = answer.safeParse(event.data)
  if (known.success) return known.data
  throw labFault('CATALOGUE_INVALID', `the agent's list of cases: ${cleanLine(z.prettifyError(known.error), 400)}`)
}

const wrongWith = (cases: readonly CaseInfo[]): string | undefined => {
  const seen = new Set<string>()
  for (const { id } of cases) {
    if (seen.has(id)) return `${id} is there twice`
    seen.add(id)
  }
  return undefined
}
