import { type ProgramSuite, suiteName } from '../config/program-suite.ts'
import { matchesName } from './matches-name.ts'
import type { CaseFilter } from './select-cases.ts'

/** The suites of programs that a run asks for: their cases are known only when they are built, so a case is asked for with its suite's name before it. */
export const wantedPrograms = (programs: readonly ProgramSuite[], { suite, case: text, all }: CaseFilter): readonly ProgramSuite[] =>
  programs.filter((program) => {
    const name = suiteName(program)
    if (suite !== undefined) return matchesName(name, suite)
    return all === true || text?.toLowerCase().startsWith(`${name.toLowerCase()}/`) === true
  })
