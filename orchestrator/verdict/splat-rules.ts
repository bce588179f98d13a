import type { SplatKind } from './results.ts'

/** How the block of lines that belongs to a complaint ends; whatever it is, a bound on its length ends it too. */
type SplatEnd =
  | 'line' // it is this one line
  | 'trace' // `---[ end trace ... ]---`
  | 'task' // the end of the first stack trace
  | 'bar' // a line of `=====`

export type Groups = Readonly<Record<string, string | undefined>>

export interface SplatRule {
  readonly kind: SplatKind
  /** Matched against a message without its time. Anchored, no nested repetition: a guest may print anything. */
  readonly pattern: RegExp
  /** What happened, without the place: that comes from group `func`, the registers or the stack trace. */
  readonly title: (groups: Groups) => string
  readonly end: SplatEnd
  /** There is no function to name. */
  readonly nowhere?: true
}

const AT = String.raw`(?<func>[\w.$]+)\+0x[0-9a-f]+\/0x[0-9a-f]+`
/** Names of subsystems that printk puts in front (pr_fmt). */
const SUBSYSTEM = String.raw`(?:[\w-]{1,24}: ){0,2}`
const pattern = (source: string) => new RegExp(`^${source}`)
const what = (prefix: string) => (groups: Groups) => `${prefix}${groups['what'] ?? ''}`
const fixed = (title: string) => () => title

/** The first rule that matches wins. Wordings: kernel/panic.c, arch/x86/{mm/fault,kernel/dumpstack,kernel/traps}.c, mm/, lib/, kernel/locking/lockdep.c. */
export const SPLAT_RULES: readonly SplatRule[] = [
  { kind: 'panic', pattern: pattern('Kernel panic - not syncing: (?<what>.*)'), title: what('panic: '), end: 'trace', nowhere: true },

  { kind: 'kasan', pattern: pattern(`BUG: KASAN: (?<what>[\\w-]+(?: [\\w-]+){0,3}?)(?: in ${AT}.*)?$`), title: what('KASAN: '), end: 'bar' },
  { kind: 'kasan', pattern: pattern(`BUG: KASAN: (?<what>[\\w-]+)`), title: what('KASAN: '), end: 'bar' },
  { kind: 'kcsan', pattern: pattern('BUG: KCSAN: (?<what>[\\w-]+ in [\\w.$]+ \\/ [\\w.$]+)'), title: what('KCSAN: '), end: 'bar', nowhere: true },
  { kind: 'kcsan', pattern: pattern(`BUG: KCSAN: (?<what>[\\w-]+)(?: in ${AT})?`), title: what('KCSAN: '), end: 'bar' },
  { kind: 'memory', pattern: pattern(`BUG: (?<what>(?:KFENCE|KMSAN): [\\w -]+?)(?: in ${AT}.*)?$`), title: what(''), end: 'bar' },
  { kind: 'ubsan', pattern: pattern('UBSAN: (?<what>[\\w -]+?) in (?<file>\\S+?)(?::\\d+){0,2}$'), title: what('UBSAN: '), end: 'bar' },

  { kind: 'lockdep', pattern: pattern('WARNING: (?<what>possible (?:circular locking|recursive locking|irq lock inversion)(?: dependency)?) detected'), title: what('lockdep: '), end: 'task' },
  { kind: 'lockdep', pattern: pattern('WARNING: (?<what>\\w+-safe -> \\w+-unsafe lock order) detected'), title: what('lockdep: '), end: 'task' },
  {
    kind: 'lockdep',
    pattern: pattern('(?:\\[ )?(?:WARNING|BUG|INFO): (?:\\S+\\/\\d+ )?(?<what>inconsistent lock state|bad unlock balance|bad contention|held lock freed|suspicious RCU usage|'
      + 'Nested lock was not taken|chain_key collision|still has locks held|lock held when returning to user space|Invalid wait context|'
      + 'trying to register non-static key|MAX_\\w+ too low|key \\S+ has not been registered|looking up invalid subclass)'),
    title: ({ what: found = '' }) => `lockdep: ${found.replace(/^key \S+/, 'key')}`,
    end: 'task',
  },

  { kind: 'null-deref', pattern: pattern('BUG: (?:unable to handle )?kernel NULL pointer dereference'), title: fixed('NULL pointer dereference'), end: 'trace' },
  { kind: 'oops', pattern: pattern('BUG: unable to handle (?:page fault|kernel paging request)'), title: fixed('page fault'), end: 'trace' },
  { kind: 'oops', pattern: pattern(`BUG: (?<what>\\w+ stack guard page was hit)`), title: what(''), end: 'trace' },
  { kind: 'oops', pattern: pattern(`${SUBSYSTEM}PANIC: (?<what>double fault)`), title: what(''), end: 'trace' },
  { kind: 'gpf', pattern: pattern('(?:Oops: )?general protection fault[,:]'), title: fixed('general protection fault'), end: 'trace' },
  { kind: 'oops', pattern: pattern('Oops: (?<what>[a-z0-9 -]+): [0-9a-f]{4} \\[#\\d+\\]'), title: what(''), end: 'trace' },
  { kind: 'oops', pattern: pattern('(?<what>divide error|invalid opcode|stack segment|int3|bounds|alignment check|double fault): [0-9a-f]{4} \\[#\\d+\\]'), title: what(''), end: 'trace' },
  { kind: 'oops', pattern: pattern('(?:Oops: )?Oops: [0-9a-f]{4} \\[#\\d+\\]'), title: fixed('oops'), end: 'trace' },

  { kind: 'bug', pattern: pattern('kernel BUG at (?<file>\\S+?)!?$'), title: fixed('kernel BUG'), end: 'trace' },
  { kind: 'refcount', pattern: pattern('refcount_t: (?<what>[^.]+)'), title: what('refcount_t: '), end: 'trace' },
  { kind: 'list-corruption', pattern: pattern('(?<what>(?:list_add|list_del|slab|hlist_\\w+) corruption)'), title: what(''), end: 'trace' },
  { kind: 'warning', pattern: pattern(`WARNING: CPU: \\d+ PID: \\d+ at (?<file>\\S+)(?: ${AT})?`), title: fixed('WARNING'), end: 'trace' },
  { kind: 'warning', pattern: pattern(`WARNING: (?:(?<file>\\S+:\\d+) )?at ${AT}`), title: fixed('WARNING'), end: 'trace' },
  { kind: 'warning', pattern: pattern('WARNING: (?:(?<file>\\S+:\\d+) )?at \\S+, CPU#\\d+'), title: fixed('WARNING'), end: 'trace' },

  { kind: 'soft-lockup', pattern: pattern(`${SUBSYSTEM}BUG: soft lockup`), title: fixed('soft lockup'), end: 'task' },
  { kind: 'soft-lockup', pattern: pattern(`(?:NMI )?${SUBSYSTEM}(?:Watchdog detected )?hard LOCKUP`), title: fixed('hard lockup'), end: 'task' },
  { kind: 'rcu-stall', pattern: pattern(`${SUBSYSTEM}INFO: (?:rcu_\\w+ )(?:self-)?detected (?:expedited )?stalls? on`), title: fixed('RCU stall'), end: 'task' },
  { kind: 'hung-task', pattern: pattern(`${SUBSYSTEM}INFO: task .{1,40}:\\d+ blocked(?: in I\\/O wait)? for more than`), title: fixed('hung task'), end: 'task' },

  { kind: 'memory', pattern: pattern('BUG: (?<what>Bad (?:page state|page map|page cache|rss-counter state|swap \\w+)|non-zero pgtables_bytes)'), title: what(''), end: 'task' },
  { kind: 'memory', pattern: pattern('BUG (?<cache>[\\w.:-]+) \\([^)]*\\): (?<what>[\\w -]+)'), title: ({ cache = '', what: found = '' }) => `slab corruption: ${found.trim()} in cache ${cache}`, end: 'task', nowhere: true },
  { kind: 'leak', pattern: pattern('BUG: memory leak'), title: fixed('memory leak'), end: 'task' },
  { kind: 'leak', pattern: pattern('kmemleak: \\d+ new suspected memory leaks?'), title: fixed('memory leak'), end: 'line', nowhere: true },
  { kind: 'leak', pattern: pattern('unregister_netdevice: waiting for (?<what>\\S+) to become free'), title: what('unregister_netdevice: waiting for '), end: 'line', nowhere: true },

  { kind: 'warning', pattern: pattern('irq \\d+: nobody cared'), title: fixed('irq: nobody cared'), end: 'task', nowhere: true },
  { kind: 'warning', pattern: pattern('unchecked MSR access error: (?<what>\\w+)'), title: what('unchecked MSR access error: '), end: 'task' },
  // Whatever else the kernel itself calls a BUG.
  { kind: 'bug', pattern: pattern(`${SUBSYSTEM}BUG: (?<what>\\S.*)`), title: ({ what: found = '' }) => `BUG: ${found.split(SHORTEN)[0] ?? ''}`, end: 'task' },

  { kind: 'taint', pattern: pattern('.{0,200}\\bAdding kernel taint for (?<what>[\\w-]+(?: \\w+)?)'), title: what('kernel taint for '), end: 'line', nowhere: true },
  { kind: 'taint', pattern: pattern('.{0,200}(?:\\btainting kernel\\b|\\btaints kernel\\b)'), title: fixed('kernel taint'), end: 'line', nowhere: true },
]

const SHORTEN = / (?:at|on CPU|in process|for) |: | - | \[|!/

/** Marks the beginning of a WARNING or a BUG; the next lines say which. */
export const CUT_HERE = /^-{6,}\[ cut here \]-{6,}/

/** The rule for what follows a `cut here` that names nothing known: a guest that was cut off, or a wording of tomorrow. */
export const UNNAMED: SplatRule = { kind: 'warning', pattern: CUT_HERE, title: fixed('WARNING'), end: 'trace' }

export const matchRule = (text: string): { readonly rule: SplatRule; readonly groups: Groups } | undefined => {
  for (const rule of SPLAT_RULES) {
    const match = rule.pattern.exec(text)
    if (match !== null) return { rule, groups: match.groups ?? {} }
  }
  return undefined
}
