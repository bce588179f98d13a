/** One result line, with the tests that are nested under it. */
export interface KtapTest {
  readonly number: number
  readonly name: string
  readonly ok: boolean
  /** In upper case: `SKIP`, `TODO`, `XFAIL`... */
  readonly directive: string | undefined
  /** What stands behind the directive. */
  readonly reason: string
  /** The lines that came since the result before it, at any depth: most often what it says of itself. */
  readonly diagnostics: readonly string[]
  readonly subtests: readonly KtapTest[]
}

export interface KtapReading {
  /** A version line, a plan or a result was there. */
  readonly found: boolean
  /** `KTAP version 1` or `TAP version 13` stood at its top. */
  readonly versioned: boolean
  readonly tests: readonly KtapTest[]
  /** Why the results cannot be all that was to come, in words. */
  readonly problems: readonly string[]
}

/**
 * Reads KTAP version 1 and TAP 13 and 14 (Documentation/dev-tools/ktap.rst, testanything.org), as the kernel's kselftest.h writes them. Lines that are none of it may
 * stand anywhere. Never throws; time and memory are linear in the number of lines.
 */
export const readKtap = (lines: readonly string[]): KtapReading => {
  const reader = new KtapReader()
  for (const line of lines) reader.read(line)
  return reader.reading()
}

const VERSION = /^K?TAP version \d{1,3}$/
const PLAN = /^1\.\.(\d{1,9})(?:\s+#.*)?$/
const RESULT = /^(not )?ok(?:\s+(\d{1,9}))?(?:\s+(.*))?$/
const BAIL_OUT = /^Bail out!(.*)$/
const TOTALS = /^# Totals: pass:(\d{1,9}) fail:(\d{1,9}) xfail:(\d{1,9}) xpass:(\d{1,9}) skip:(\d{1,9}) error:(\d{1,9})$/
const DEEPEST = 16
const MOST_DIAGNOSTICS = 200
const MOST_PROBLEMS = 20
const TOLD_NUMBERS = 5

interface Level {
  readonly indent: number
  plan: number | undefined
  readonly tests: KtapTest[]
  readonly numbers: Set<number>
}

const newLevel = (indent: number): Level => ({ indent, plan: undefined, tests: [], numbers: new Set() })

class KtapReader {
  readonly #top: Level = newLevel(0)
  /** Those that are open, the top first. */
  readonly #levels: Level[] = [this.#top]
  readonly #problems: string[] = []
  /** Of a nested level that has ended, until the result of its parent comes. */
  #nested: readonly KtapTest[] = []
  #diagnostics: string[] = []
  #versioned = false
  #found = false

  read(line: string): void {
    const text = line.trim()
    const indent = line.length - line.trimStart().length
    if (VERSION.test(text)) {
      this.#versioned ||= indent === 0
      this.#levelAt(indent)
      return
    }
    const plan = PLAN.exec(text)?.[1]
    if (plan !== undefined) {
      this.#plan(this.#levelAt(indent), Number(plan))
      return
    }
    const result = RESULT.exec(text)
    if (result !== null) {
      this.#result(this.#levelAt(indent), { ok: result[1] === undefined, number: result[2], rest: result[3] ?? '' })
      return
    }
    const why = BAIL_OUT.exec(text)?.[1]
    if (why !== undefined) this.#problem(`it bailed out:${why}`)
    this.#totals(text)
    if (this.#diagnostics.length < MOST_DIAGNOSTICS) this.#diagnostics.push(line)
  }

  reading(): KtapReading {
    this.#closeDownTo(0)
    if (this.#found) this.#end(this.#top)
    if (this.#nested.length > 0) this.#problem(`${this.#nested.length} nested results have no result of their own`)
    return { found: this.#found, versioned: this.#versioned, tests: this.#top.tests, problems: this.#problems }
  }

  /** The level with this indentation: one that is open, or a new one in the last. */
  #levelAt(indent: number): Level {
    this.#found = true
    this.#closeDownTo(indent)
    const last = this.#levels.at(-1) ?? this.#top
    if (last.indent >= indent || this.#levels.length >= DEEPEST) return last
    const level = newLevel(indent)
    this.#levels.push(level)
    return level
  }

  #closeDownTo(indent: number): void {
    for (let last = this.#levels.at(-1); this.#levels.length > 1 && last !== undefined && last.indent > indent; last = this.#levels.at(-1)) {
      this.#end(last)
      this.#nested = last.tests
      this.#levels.pop()
    }
  }

  #plan(level: Level, count: number): void {
    if (level.plan !== undefined) this.#problem(`it planned twice: 1..${level.plan} and 1..${count}`)
    level.plan ??= count
  }

  #result(level: Level, { ok, number, rest }: { readonly ok: boolean; readonly number: string | undefined; readonly rest: string }): void {
    const own = number === undefined ? level.tests.length + 1 : Number(number)
    if (level.numbers.has(own)) this.#problem(`result ${own} came twice`)
    level.numbers.add(own)
    const [, name = '', directive, reason = ''] = /^(.*?)(?:(?:^|\s)#\s*([A-Za-z]+)\b:?\s*(.*))?$/.exec(rest) ?? []
    level.tests.push({
      number: own, ok, name: name.replace(/^- /, '').trim(), directive: directive?.toUpperCase(), reason, diagnostics: this.#diagnostics, subtests: this.#nested,
    })
    this.#diagnostics = []
    this.#nested = []
  }

  /** The last word of kselftest.h, which counts for itself: of what "PASSED n / n" says a skip is a pass. */
  #totals(text: string): void {
    const counts = TOTALS.exec(text)?.slice(1).map(Number)
    const level = this.#levels.at(-1)
    if (counts === undefined || level === undefined) return
    const said = counts.reduce((sum, count) => sum + count, 0)
    if (said !== level.tests.length) this.#problem(`its totals count ${said} tests, ${level.tests.length} came`)
  }

  /** What a level that has ended lacks. */
  #end({ plan, numbers, tests }: Level): void {
    if (plan === undefined) {
      this.#problem('it has no plan (1..N)')
      return
    }
    if (plan === 0) this.#problem('its plan is 1..0: no test was to run')
    const beyond = [...numbers].filter((number) => number < 1 || number > plan)
    if (beyond.length > 0) this.#problem(`1..${plan} was planned, and result ${beyond.slice(0, TOLD_NUMBERS).join(', ')} came`)
    if (tests.length - beyond.length >= plan && numbers.size - beyond.length >= plan) return
    const missing: number[] = []
    for (let number = 1; number <= plan && missing.length < TOLD_NUMBERS; number += 1) if (!numbers.has(number)) missing.push(number)
    this.#problem(`${plan} tests were planned, ${tests.length} came: there is no result ${missing.join(', ')}`)
  }

  #problem(text: string): void {
    if (this.#problems.length < MOST_PROBLEMS) this.#problems.push(text)
  }
}
