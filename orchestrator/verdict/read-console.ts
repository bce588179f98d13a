import { consoleMark } from '../../guest-agent/protocol.ts'
import { cleanConsoleLine, readConsoleLine } from './console-line.ts'
import { beginsSplat, OpenSplat } from './open-splat.ts'
import { consequenceOf } from './panic-cause.ts'
import { taintRule, taintsOf, taintsShown } from './taint.ts'
import type { Splat } from './results.ts'

/** What a guest's console says. */
export interface ConsoleReading {
  readonly splats: readonly Splat[]
  /** Cases whose marks stand on it, with the index of the line. */
  readonly started: ReadonlyMap<string, number>
  readonly ended: ReadonlyMap<string, number>
  /** The case that ran when it ended. */
  readonly running: string | null
  /** The kernel says that it dropped messages: no splat among the rest proves nothing. */
  readonly dropped: string | undefined
  /** Letters of the taints that come with the lines that a case provokes on purpose. */
  readonly provokedTaints: ReadonlyMap<string, ReadonlySet<string>>
}

/** What the reader must know of a case that this guest was asked to run. */
export interface MarkedCase {
  readonly id: string
  /** Sources of regular expressions. */
  readonly provokes: readonly string[]
}

/**
 * Finds the kernel's complaints and attributes each to the case that ran, by the agent's marks.
 * The guest may print anything: time is linear in the console's length, and what is kept of it is bounded.
 * @param console one entry a line, cleaned or not
 * @param betweenCases what the lab itself provokes while it prepares the guest, as regular expressions
 * @param taints letters of those that the guest may have from that
 */
export const readConsole = (
  console: readonly string[], cases: readonly MarkedCase[], betweenCases: readonly string[] = [], taints: readonly string[] = [],
): ConsoleReading => {
  const reader = new ConsoleReader(cases, betweenCases, taints)
  for (const [index, raw] of console.entries()) {
    const line = cleanConsoleLine(raw)
    for (const { caller, text } of readConsoleLine(line)) reader.read(caller, text, { line, index })
  }
  return reader.reading()
}

/** One case (or the time between cases) is unexpected with the first complaint; so many are kept to show. */
const MOST_AT_ONE_CASE = 20
const MOST_CALLERS = 32
const START = consoleMark('start', '')
const END = consoleMark('end', '')
const DROPPED = /^\*\* \d{1,12} printk messages dropped \*\*/

class ConsoleReader {
  readonly #provokes: ReadonlyMap<string | null, readonly RegExp[]>
  readonly #started = new Map<string, number>()
  readonly #ended = new Map<string, number>()
  readonly #kept = new Map<string | null, number>()
  /** The complaint that each caller is in the middle of. */
  readonly #open = new Map<string, OpenSplat>()
  /** Taints seen or brought by what was seen. */
  readonly #taints: Set<string>
  readonly #provokedTaints = new Map<string, Set<string>>()
  readonly #order: OpenSplat[] = []
  #running: string | null = null
  #dropped: string | undefined

  constructor(cases: readonly MarkedCase[], betweenCases: readonly string[], taints: readonly string[]) {
    this.#taints = new Set(taints)
    const declared = [...cases.map(({ id, provokes }) => [id, provokes] as const), [null, betweenCases] as const]
    this.#provokes = new Map(declared.map(([atCase, sources]) => [atCase, sources.map((source) => new RegExp(source))]))
  }

  read(caller: string, text: string, { line, index }: { readonly line: string; readonly index: number }): void {
    if (this.#readMark(text, index)) return
    if (DROPPED.test(text)) this.#dropped ??= text
    const open = this.#open.get(caller)
    const begins = beginsSplat(text)
    if (open?.continuesWith(text) === true) {
      open.add(text, line)
      this.#account(open, text)
    } else if (begins !== undefined) {
      this.#begin(caller, text, line, begins.found)
    }
    this.#readTaints(text, line)
  }

  reading(): ConsoleReading {
    return {
      splats: this.#order.map((splat) => splat.toSplat()),
      started: this.#started,
      ended: this.#ended,
      running: this.#running,
      dropped: this.#dropped,
      provokedTaints: this.#provokedTaints,
    }
  }

  /** A mark of a case that this guest was not asked to run is only text. */
  #readMark(text: string, index: number): boolean {
    const edge = text.startsWith(START) ? START : text.startsWith(END) ? END : undefined
    if (edge === undefined) return false
    const id = text.slice(edge.length)
    if (!this.#provokes.has(id)) return false
    for (const splat of this.#open.values()) splat.atMark()
    if (edge === START) {
      this.#running = id
      this.#started.set(id, index)
    } else {
      this.#ended.set(id, index)
      if (this.#running === id) this.#running = null
    }
    return true
  }

  #begin(caller: string, text: string, line: string, found: ConstructorParameters<typeof OpenSplat>[2]): void {
    const cause = consequenceOf(text, this.#order)
    if (cause !== undefined) {
      cause.addConsequence(line)
      return
    }
    const splat = new OpenSplat(text, line, found, this.#running)
    if (this.#open.size >= MOST_CALLERS) this.#open.clear()
    this.#open.set(caller, splat)
    this.#keep(splat)
    this.#account(splat, text)
  }

  #keep(splat: OpenSplat): void {
    const kept = this.#kept.get(splat.atCase) ?? 0
    if (kept >= MOST_AT_ONE_CASE) return
    this.#kept.set(splat.atCase, kept + 1)
    this.#order.push(splat)
  }

  /** Notes the taints that a complaint brings, and forgets it when its case provokes it. */
  #account(splat: OpenSplat, text: string): void {
    const letters = taintsOf(splat.kind)
    for (const letter of letters) this.#taints.add(letter)
    const { atCase } = splat
    if (splat.provoked || !splat.provokedBy(this.#provokes.get(atCase) ?? [], text)) return
    const place = this.#order.lastIndexOf(splat)
    if (place >= 0) {
      this.#order.splice(place, 1)
      this.#kept.set(atCase, (this.#kept.get(atCase) ?? 1) - 1)
    }
    if (atCase !== null) this.#provokedTaints.set(atCase, new Set([...(this.#provokedTaints.get(atCase) ?? []), ...letters]))
  }

  /** A stack dump shows every taint so far: one that nothing on this console explains is news. */
  #readTaints(text: string, line: string): void {
    for (const letter of taintsShown(text)) {
      if (this.#taints.has(letter)) continue
      this.#taints.add(letter)
      this.#keep(new OpenSplat(text, line, { rule: taintRule(letter), groups: {} }, this.#running))
    }
  }
}
