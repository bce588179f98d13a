import { placeOf } from './splat-place.ts'
import { CUT_HERE, matchRule, UNNAMED, type Groups, type SplatRule } from './splat-rules.ts'
import type { Splat, SplatKind } from './results.ts'

const MOST_LINES = 120
const MOST_TITLE_CHARS = 160
/** So many lines after `cut here` may pass before the complaint names itself: WARN() and CHECK_DATA_CORRUPTION print their message first. */
const NAMING_LINES = 8
/** `Oops: Oops: 0002 [#1] SMP`, `invalid opcode: 0000 [#1]` */
const OOPS_COUNT = /^(?:Oops|[a-z]).{0,160}\[#\d{1,9}\]/
/** What names the fault in a line before the one that counts it. */
const FOLLOWED_BY_OOPS: readonly SplatKind[] = ['null-deref', 'oops', 'bug', 'list-corruption']

/** A complaint whose lines are still coming. */
export class OpenSplat {
  readonly atCase: string | null
  #rule: SplatRule | undefined
  #groups: Groups = {}
  #provoked = false
  #oops = false
  #closed = false
  /** A mark of the agent came since it began. */
  #marked = false
  #lastKept = ''
  readonly #texts: string[] = []
  readonly #lines: string[] = []

  constructor(text: string, line: string, found: { readonly rule: SplatRule; readonly groups: Groups } | undefined, atCase: string | null) {
    this.atCase = atCase
    this.#rule = found?.rule
    this.#groups = found?.groups ?? {}
    this.#keep(text, line)
    this.#oops = OOPS_COUNT.test(text)
    this.#closed = this.#rule?.end === 'line'
  }

  get kind() { return (this.#rule ?? UNNAMED).kind }
  get provoked() { return this.#provoked }

  /** Whether a line is more of this complaint; some lines would begin one of their own elsewhere. */
  continuesWith(text: string): boolean {
    if (this.#closed) return false
    const begins = beginsSplat(text)
    if (begins === undefined) return true
    if (this.#marked) return false
    const next = begins.found?.rule
    // CHECK_DATA_CORRUPTION prints its message before the BUG that it comes to.
    if (next === undefined) return this.kind === 'list-corruption' && this.#texts.length <= 2
    if (this.#rule === undefined) return true
    const { kind } = this.#rule
    // `BUG: unable to handle page fault` and `kernel BUG at` are followed by one `Oops: 0002 [#1]` that belongs to them.
    if (OOPS_COUNT.test(text) && !this.#oops && FOLLOWED_BY_OOPS.includes(kind)) return true
    // A WARN says file and line, and its message before or after that.
    if (kind === 'warning') return ['refcount', 'list-corruption'].includes(next.kind)
    if (kind === 'refcount' || kind === 'list-corruption') return next.kind === 'warning' || next.kind === 'bug' || next.kind === kind
    return false
  }

  add(text: string, line: string): void {
    this.#name(text)
    this.#keep(text, line)
    this.#oops ||= OOPS_COUNT.test(text)
    this.#closed ||= this.#endsWith(text) || this.#texts.length >= MOST_LINES
  }

  /** The next case begins: what comes now belongs to a complaint only while its stack trace is not whole. */
  atMark(): void {
    this.#marked = true
    this.#closed ||= this.#texts.some((text) => /^\s*<\/TASK>/.test(text))
  }

  /** A panic that only says that this complaint was fatal. */
  addConsequence(line: string): void {
    if (this.#lines.length < MOST_LINES + 1) this.#lines.push(line)
  }

  /**
   * The line that names it is one that the running case provokes on purpose. Any other line does not count: an IOMMU fault that a case provokes may
   * be reported in the middle of a WARNING that it does not.
   */
  provokedBy(patterns: readonly RegExp[], text: string): boolean {
    if (this.#texts.length <= NAMING_LINES && patterns.some((pattern) => pattern.test(text)) && beginsSplat(text) !== undefined) this.#provoked = true
    return this.#provoked
  }

  toSplat(): Splat {
    const rule = this.#rule ?? UNNAMED
    const place = rule.nowhere === true ? undefined : placeOf(this.#groups['func'], this.#texts)
    const file = this.#groups['file']
    const where = place === undefined ? (file === undefined || rule.nowhere === true ? '' : ` at ${file}`) : ` in ${place}`
    return { kind: rule.kind, title: stable(`${rule.title(this.#groups)}${where}`), atCase: this.atCase, lines: [...this.#lines] }
  }

  #name(text: string): void {
    const found = matchRule(text)
    if (found === undefined || this.#texts.length > NAMING_LINES) return
    const before = this.#rule
    const { kind } = found.rule
    const moreExact = before === undefined || (before.kind === 'warning' && (kind === 'refcount' || kind === 'list-corruption'))
    // The place stands in the WARNING line, the sort in the message: keep both.
    if (moreExact) this.#rule = found.rule
    this.#groups = moreExact ? { ...this.#groups, ...defined(found.groups) } : { ...defined(found.groups), ...this.#groups }
  }

  #keep(text: string, line: string): void {
    this.#texts.push(text)
    // Several messages of one console line are one line of the report.
    if (line !== this.#lastKept || this.#lines.length === 0) this.#lines.push(line)
    this.#lastKept = line
  }

  #endsWith(text: string): boolean {
    if (/^-{3,}\[ end (?:trace|Kernel panic)/.test(text)) return true
    const end = this.#rule?.end
    if (end === 'bar') return /^={20,}$/.test(text) && this.#texts.length > 2
    return end === 'task' && /^\s*<\/TASK>/.test(text) && (this.kind !== 'lockdep' || this.#texts.some((seen) => seen.startsWith('stack backtrace:')))
  }
}

/** Whether a message begins a complaint. */
export const beginsSplat = (text: string) => {
  const found = matchRule(text)
  return found !== undefined || CUT_HERE.test(text) ? { found } : undefined
}

const defined = (groups: Groups): Groups => Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined))

/** No addresses, no offsets, no pids. */
const stable = (title: string): string =>
  title
    .replace(/\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}/g, '')
    .replace(/\b(?:0x)?[0-9a-f]{12,16}\b/g, 'ADDRESS')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MOST_TITLE_CHARS)
