import type { CaseInfo, Covers, Needs } from '../protocol.ts'
import type { CaseContext } from './case-context.ts'

export interface CaseDefinition {
  /** What the cell must have; a case that needs nothing runs everywhere. */
  readonly needs?: Needs
  /** The suite puts itself before it: the case's id is `suite/name`. */
  readonly name: string
  /** One line: what must hold. */
  readonly title: string
  readonly covers: Covers
  /** How long it may take on hardware virtualisation. */
  readonly timeoutMs?: number
  /** Regular expressions of console lines that it provokes on purpose. */
  readonly provokes?: readonly string[]
  /** Its measures are times that two runs are compared by; those of other cases only tell how long something took. */
  readonly timed?: true
  readonly run: (lab: CaseContext) => Promise<void> | void
}

/** A case as the catalogue holds it. */
export interface Case {
  readonly info: CaseInfo
  readonly run: (lab: CaseContext) => Promise<void> | void
}

const DEFAULT_TIMEOUT_MS = 5000

/** Identity with types: `suite()` makes a Case of it. */
export const defineCase = (definition: CaseDefinition): CaseDefinition => definition

/** The cases of one file. A name that appears twice is an error. `onRequest`: they run when they are named, or with --all. */
export const suite = (name: string, definitions: readonly CaseDefinition[], { onRequest = false } = {}): readonly Case[] =>
  catalogueOf(definitions.map(({ run, needs = {}, timeoutMs = DEFAULT_TIMEOUT_MS, provokes = [], timed, ...rest }) => ({
    run,
    info: {
      id: `${name}/${rest.name}`, suite: name, title: rest.title, needs, covers: rest.covers, timeoutMs, provokes,
      ...(onRequest ? { onRequest } : {}), ...(timed === undefined ? {} : { timed }),
    },
  })))

/** Cases of several suites as one list in which every id is there once and every `provokes` is a regular expression. */
export const catalogueOf = (cases: readonly Case[]): readonly Case[] => {
  const seen = new Set<string>()
  for (const { info: { id, provokes } } of cases) {
    if (seen.has(id)) throw new Error(`two cases have the id ${id}`)
    if (!/^[a-z0-9-]+\/[a-z0-9-]+$/.test(id)) throw new Error(`${id}: a case id is suite/name, in lower case, digits and dashes`)
    seen.add(id)
    for (const pattern of provokes) new RegExp(pattern)
  }
  return cases
}
