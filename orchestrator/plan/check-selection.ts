import type { CaseInfo } from '../../guest-agent/protocol.ts'
import { suiteName } from '../config/program-suite.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { type CaseFilter, selectCases } from './select-cases.ts'
import { wantedPrograms } from './wanted-programs.ts'

/** Says before anything is built that a choice leaves no case; which cases a suite of programs has, nobody knows yet. Throws what selectCases throws. */
export const checkSelection = (catalogue: readonly CaseInfo[], { suites, programs }: Pick<ResolvedConfig, 'suites' | 'programs'>, filter: CaseFilter): void => {
  if (wantedPrograms(programs, filter).length === 0) selectCases(catalogue, suites, filter, programs.map(suiteName))
}
