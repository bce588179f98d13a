import type { SplatKind } from './results.ts'
import type { SplatRule } from './splat-rules.ts'

/** Bit of /proc/sys/kernel/tainted -> letter and name (kernel/panic.c, taint_flags). */
const FLAGS = [
  'P PROPRIETARY_MODULE', 'F FORCED_MODULE', 'S CPU_OUT_OF_SPEC', 'R FORCED_RMMOD', 'M MACHINE_CHECK', 'B BAD_PAGE', 'U USER', 'D DIE',
  'A OVERRIDDEN_ACPI_TABLE', 'W WARN', 'C CRAP', 'I FIRMWARE_WORKAROUND', 'O OOT_MODULE', 'E UNSIGNED_MODULE', 'L SOFTLOCKUP', 'K LIVEPATCH',
  'X AUX', 'T RANDSTRUCT', 'N TEST', 'J FWCTL',
] as const

/** The letters of a taint mask; a bit that this table does not know gives its number. */
export const taintLetters = (mask: number): readonly string[] => {
  const letters: string[] = []
  for (let rest = BigInt(Math.max(0, Math.trunc(mask))), bit = 0; rest > 0n; rest >>= 1n, bit += 1) {
    if ((rest & 1n) === 1n) letters.push(FLAGS[bit]?.charAt(0) ?? String(bit))
  }
  return letters
}

export const taintName = (letter: string): string => FLAGS.find((flag) => flag.startsWith(letter))?.slice(2) ?? 'unknown'

/** `G        W` of a stack dump's `CPU: ... Tainted: G        W          7.3.0`; the verbose line that follows it says the same. */
const TAINTED = /\bTainted: (?<letters>[GP][A-Z ]{1,24})(?: |$)/

export const taintsShown = (text: string): readonly string[] => {
  const letters = TAINTED.exec(text)?.groups?.['letters']
  return letters === undefined ? [] : Array.from(letters).filter((letter) => letter !== ' ' && letter !== 'G')
}

/** The taints that a complaint brings by itself. */
export const taintsOf = (kind: SplatKind): readonly string[] => BROUGHT[kind] ?? []

const BROUGHT: Partial<Record<SplatKind, readonly string[]>> = {
  warning: ['W'], refcount: ['W'], 'list-corruption': ['W', 'D', 'B'], ubsan: ['W'], lockdep: ['W'], 'rcu-stall': ['W'],
  kasan: ['B', 'W', 'D'], memory: ['B', 'W'], kcsan: ['W'],
  bug: ['W', 'D'], oops: ['D', 'W'], 'null-deref': ['D', 'W'], gpf: ['D', 'W'], panic: ['D', 'W'],
  'soft-lockup': ['L', 'W'], 'hung-task': ['W'], taint: ['U', 'O', 'E', 'C', 'X'],
}

/** A taint that a dump shows and that nothing before it explains. */
export const taintRule = (letter: string): SplatRule =>
  ({ kind: 'taint', pattern: /^/, title: () => `kernel taint ${letter} (${taintName(letter)})`, end: 'line', nowhere: true })
