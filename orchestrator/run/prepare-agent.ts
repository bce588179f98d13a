import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CaseInfo, UapiBeliefs } from '../../guest-agent/protocol.ts'
import { bundleAgent, type AgentBundle } from '../image/agent-bundle.ts'
import { KCONFIG_CASES } from '../plan/kconfig-cases.ts'
import { readCatalogue } from '../plan/read-catalogue.ts'

export interface PreparedAgent {
  readonly agent: AgentBundle
  /** Every case that is the lab's own: the agent's, and those that are put to a tree. */
  readonly catalogue: readonly CaseInfo[]
  readonly uapi: UapiBeliefs
}

/** The agent as one file, and what it can do: asked of the very bundle that goes into the guests. `dir` is a temporary folder. */
export const prepareAgent = async (dir: string): Promise<PreparedAgent> => {
  const agent = await bundleAgent()
  const path = join(dir, 'agent.mjs')
  await writeFile(path, agent.code)
  const { cases, uapi } = await readCatalogue(path)
  return { agent, catalogue: [...cases, ...KCONFIG_CASES], uapi }
}
