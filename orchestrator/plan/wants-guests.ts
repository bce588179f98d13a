import type { CaseInfo } from '../../guest-agent/protocol.ts'
import type { ResolvedConfig } from '../config/resolved-config.ts'
import { kconfigAsks } from './kconfig-cases.ts'
import type { PlannedCase } from './plan.ts'
import { type CaseFilter, selectCases } from './select-cases.ts'
import { wantedPrograms } from './wanted-programs.ts'

/** Whether a choice of cases needs kernels that boot; if not, nothing is compiled. Throws what selectCases throws. */
export const wantsGuests = (catalogue: readonly CaseInfo[], { suites, programs }: Pick<ResolvedConfig, 'suites' | 'programs'>, filter: CaseFilter): boolean =>
  wantedPrograms(programs, filter).length > 0 || selectCases(catalogue, suites, filter).some(({ id }) => kconfigAsks(id) === undefined)

/** Whether a guest is asked for this case of its cell. */
export const wantsGuest = ({ broken, kconfig }: PlannedCase): boolean => broken === undefined && kconfig === undefined
