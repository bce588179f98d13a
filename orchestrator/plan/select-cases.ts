import { suggestion } from '../host/nearest-name.ts'
import { yours } from '../host/errors.ts'
import { matchesName } from './matches-name.ts'
import type { CaseInfo } from '../../guest-agent/protocol.ts'

export interface CaseFilter {
  /** A suite's name or a glob. */
  readonly suite?: string | undefined
  /** Part of a case id, whatever its upper and lower case. */
  readonly case?: string | undefined
  /** Also the suites that run on request only. */
  readonly all?: boolean | undefined
}

/** Every suite of the agent. */
const NATIVE = 'native'

/**
 * The cases of the catalogue that a run is about: those of the config's suites that the filter lets through. The others are neither planned nor absent.
 * @param suites the config's: names or globs, or `native` for all
 * @param others suites that --suite could name as well
 * Throws LabError yours: UNKNOWN_SUITE, NO_CASES, with the nearest right name.
 */
export const selectCases = <Info extends CaseInfo>(catalogue: readonly Info[], suites: readonly string[], filter: CaseFilter = {}, others: readonly string[] = []): readonly Info[] => {
  const names = [...new Set(catalogue.map(({ suite }) => suite))]
  for (const pattern of suites) requireSuite(pattern, names, 'the config')
  if (filter.suite !== undefined) requireSuite(filter.suite, names, '--suite', others)

  const named = filter.suite !== undefined || filter.case !== undefined || filter.all === true
  const configured = catalogue.filter(({ suite, onRequest }) =>
    suites.some((pattern) => meansSuite(suite, pattern) && (named || onRequest !== true || pattern !== NATIVE)))
  const ofSuite = configured.filter(({ suite }) => filter.suite === undefined || meansSuite(suite, filter.suite))
  const text = filter.case?.toLowerCase()
  const selected = ofSuite.filter(({ id }) => text === undefined || id.toLowerCase().includes(text))
  if (selected.length > 0) return selected
  throw filter.case !== undefined && ofSuite.length > 0
    ? yours('NO_CASES', `no case has ${filter.case} in its id${suggestion(filter.case, ofSuite.map(({ id }) => id))}`, { hint: './lab list shows every case' })
    : yours('NO_CASES', `no case is left: the config's suites are ${suites.join(', ')}${filter.suite === undefined ? '' : `, --suite is ${filter.suite}`}`)
}

const meansSuite = (suite: string, pattern: string): boolean => pattern === NATIVE || matchesName(suite, pattern)

const requireSuite = (pattern: string, names: readonly string[], asker: string, others: readonly string[] = []): void => {
  if (names.some((name) => meansSuite(name, pattern))) return
  throw yours('UNKNOWN_SUITE', `no suite matches ${pattern} (${asker})${suggestion(pattern, [NATIVE, ...names, ...others])}`, { hint: './lab list shows every suite and case' })
}
