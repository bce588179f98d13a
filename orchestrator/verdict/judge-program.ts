import { cleanLine } from '../host/clean-text.ts'
import { countText } from '../host/count-text.ts'
import type { ProgramEnd } from '../../guest-agent/protocol.ts'
import { type KtapTest, readKtap } from './read-ktap.ts'

/** What a program wrote, and how its words are meant. */
export interface ProgramWords {
  readonly output: 'ktap' | 'tap' | 'exit-code'
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly end: ProgramEnd
  /** The one test that it was asked for; undefined: all that it has. */
  readonly test?: string | undefined
}

export interface ProgramVerdict {
  readonly outcome: 'pass' | 'fail' | 'skip' | 'timeout'
  /** Why it is no pass. */
  readonly message?: string
}

/** The exit code of kselftest.h for what did not run (KSFT_SKIP). */
const SKIP_STATUS = 4
const MOST_LINES = 12

/**
 * A program passes when it says so of every test that it planned and its end agrees. What is green and ran nothing is no pass: no plan, a plan of nothing, a plan that
 * was not reached, results that are skipped, missing, there twice or of another test, an end by a signal, a status that the results do not explain, silence.
 */
export const judgeProgram = (words: ProgramWords): ProgramVerdict => {
  const { end, output } = words
  if (end.signal !== undefined) return failed(`it was ended by ${end.signal}`, lastWords(words))
  if (end.cut === true) return failed('it said more than is kept: what came after is not known', [])
  return output === 'exit-code' ? judgeStatus(words) : judgeResults(words)
}

const judgeStatus = (words: ProgramWords): ProgramVerdict => {
  const { status } = words.end
  if (status === 0) return { outcome: 'pass' }
  if (status === SKIP_STATUS) return { outcome: 'skip', message: said('it skipped (status 4)', lastWords(words)) }
  return failed(statusText(words.end), lastWords(words))
}

const judgeResults = (words: ProgramWords): ProgramVerdict => {
  const { stdout, end, output, test } = words
  const { found, versioned, tests, problems } = readKtap(stdout)
  if (!found) {
    const silent = words.stdout.length + words.stderr.length === 0
    return failed(`${silent ? 'it said nothing' : `there is no ${output.toUpperCase()} in what it said`}, and it ended with ${statusText(end)}`, lastWords(words))
  }
  const all = leavesOf(tests, '')
  const bad = all.filter(({ result }) => !result.ok && !isSkip(result))
  if (bad.length > 0) {
    const told = failed(bad.map(failureText).slice(0, MOST_LINES).join('\n'), [...words.stderr.slice(-MOST_LINES), ...problems])
    return bad.length === 1 && [...stdout, ...words.stderr].some((line) => OUT_OF_TIME.test(line)) ? { outcome: 'timeout', message: said('the limit of the harness itself was over, which no slow host stretches', [told.message ?? '']) } : told
  }
  const wrong = [
    ...problems,
    ...(versioned || output === 'tap' ? [] : ['it has no version line']),
    ...(test === undefined || all.some(({ name }) => name === test) ? [] : [`it has no result of ${test}`]),
  ]
  if (wrong.length > 0) return failed(wrong.join('; '), [statusText(end), ...lastWords(words)])
  const skipped = all.filter(({ result }) => isSkip(result))
  const first = skipped[0]
  if (first !== undefined) {
    const { result: { reason, directive }, name } = first
    const why = reason === '' ? '' : `: ${reason}`
    return { outcome: 'skip', message: clean(all.length === 1 ? `${directive ?? ''}${why}` : `${skipped.length} of ${countText(all.length, 'test')} skipped, ${name}${why}`) }
  }
  // Every result is good; one that is an expected failure is told as ok.
  return end.status === 0 ? { outcome: 'pass' } : failed(`${countText(all.length, 'good result')}, and ${statusText(end)}`, lastWords(words))
}

interface Leaf {
  /** `parent.child` */
  readonly name: string
  readonly result: KtapTest
}

/** A parent that is not ok although all that is nested under it is, counts by itself. */
const leavesOf = (tests: readonly KtapTest[], above: string): readonly Leaf[] => tests.flatMap((result) => {
  const name = `${above}${result.name === '' ? result.number : result.name}`
  const nested = leavesOf(result.subtests, `${name}.`)
  return nested.length === 0 || (!result.ok && nested.every((leaf) => leaf.result.ok)) ? [{ name, result }, ...nested] : nested
})

/** Neither was carried out to an end that says something. */
const isSkip = ({ directive }: KtapTest): boolean => directive === 'SKIP' || directive === 'TODO'

/** Its own words, without those of every kselftest. */
const failureText = ({ name, result: { diagnostics, directive, reason } }: Leaf): string => {
  const own = diagnostics.map((line) => line.replace(/^\s*#\s?/, '').trim()).filter((line) => line !== '' && !FRAME.test(line))
  return [`${name}${directive === undefined ? '' : ` ${directive} ${reason}`}`, ...own.slice(-MOST_LINES)].map(clean).join('\n')
}

/** By kselftest_harness.h, 30 s unless a test says another. */
const OUT_OF_TIME = /^# \w+: Test terminated by timeout$/

const FRAME = /^(?:Starting \d+ tests from|RUN {2}|FAIL {2}|OK {2}|.*: Test (?:failed|terminated by assertion)$)/

const statusText = ({ status }: ProgramEnd): string => `status ${status ?? 'unknown'}`

const lastWords = ({ stdout, stderr }: ProgramWords): readonly string[] => [...stdout.slice(-MOST_LINES / 2), ...stderr.slice(-MOST_LINES / 2)]

const failed = (what: string, lines: readonly string[]): ProgramVerdict => ({ outcome: 'fail', message: said(what, lines) })

const said = (what: string, lines: readonly string[]): string => [what, ...lines.map(clean)].join('\n')

const clean = (line: string): string => line.split('\n').map((one) => cleanLine(one, 300)).join('\n')
