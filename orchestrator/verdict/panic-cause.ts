import type { OpenSplat } from './open-splat.ts'
import type { SplatKind } from './results.ts'

const OOPSES: readonly SplatKind[] = ['oops', 'null-deref', 'gpf', 'bug', 'kasan', 'list-corruption']

/** Panics that only tell that something before them was fatal (kernel/panic.c, arch/x86/kernel/dumpstack.c, kernel/exit.c). */
const CONSEQUENCES: readonly { readonly pattern: RegExp; readonly of: readonly SplatKind[] | 'any' }[] = [
  { pattern: /^Kernel panic - not syncing: (?:Fatal exception|Attempted to kill|Aiee)/, of: OOPSES },
  { pattern: /^Kernel panic - not syncing: .{0,60}panic_on_warn set/, of: 'any' },
  { pattern: /^Kernel panic - not syncing: softlockup/, of: ['soft-lockup'] },
  { pattern: /^Kernel panic - not syncing: (?:.{0,20}hard LOCKUP|Hard LOCKUP)/, of: ['soft-lockup'] },
  { pattern: /^Kernel panic - not syncing: hung_task/, of: ['hung-task'] },
  { pattern: /^Kernel panic - not syncing: RCU Stall/, of: ['rcu-stall'] },
]

/** The complaint that a panic is the end of; undefined for a panic that stands for itself. */
export const consequenceOf = (text: string, splats: readonly OpenSplat[]): OpenSplat | undefined => {
  const consequence = CONSEQUENCES.find(({ pattern }) => pattern.test(text))
  if (consequence === undefined) return undefined
  return splats.findLast(({ kind }) => consequence.of === 'any' || consequence.of.includes(kind))
}
