import { z } from 'zod'
import { cleanLine } from '../host/clean-text.ts'
import { labFault } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import { jsonOf } from '../host/json-of.ts'
import { caseInfo } from '../vm/case-info.ts'
import type { CaseInfo } from '../../guest-agent/protocol.ts'

const LIMIT_MS = 30_000
const MOST_BYTES = 16 * 2 ** 20

/**
 * Every case that the agent has, by running its bundle on this host with `{list}`: importing a suite has no side effect.
 * @param bundle path of the agent's bundle, an ES module
 * Throws LabError lab: CATALOGUE_INVALID, or what the process ended with.
 */
export const readCatalogue = async (bundle: string): Promise<readonly CaseInfo[]> => {
  const what = "the agent's list of cases"
  const { stdout } = await run(
    { file: process.execPath, args: ['--no-warnings', bundle] },
    { what, input: '{"list":true}\n', timeoutMs: LIMIT_MS, maxOutputBytes: MOST_BYTES },
  )
  const cases = stdout.split('\n').filter((line) => line.trim() !== '').flatMap((line) => casesOf(line))
  const problem = cases.length === 0 ? 'it is empty' : wrongWith(cases)
  if (problem !== undefined) throw labFault('CATALOGUE_INVALID', `${what}: ${problem}`)
  return cases
}

const eventName = z.looseObject({ event: z.string() })
const catalogueEvent = z.object({ event: z.literal('catalogue'), cases: z.array(caseInfo) })

const casesOf = (line: string): readonly CaseInfo[] => {
  const event = eventName.safeParse(jsonOf(line))
  if (!event.success) throw labFault('CATALOGUE_INVALID', `the agent's list of cases: no event: ${cleanLine(line, 200)}`)
  if (event.data.event === 'agent-error') throw labFault('CATALOGUE_INVALID', `the agent cannot list its cases: ${cleanLine(line, 300)}`)
  if (event.data.event !== 'catalogue') return []
  const catalogue = catalogueEvent.safeParse(event.data)
  if (catalogue.success) return catalogue.data.cases
  throw labFault('CATALOGUE_INVALID', `the agent's list of cases: ${cleanLine(z.prettifyError(catalogue.error), 400)}`)
}

const wrongWith = (cases: readonly CaseInfo[]): string | undefined => {
  const seen = new Set<string>()
  for (const { id } of cases) {
    if (seen.has(id)) return `${id} is there twice`
    seen.add(id)
  }
  return undefined
}
