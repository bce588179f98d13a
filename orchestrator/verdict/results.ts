import type { IoctlOutcomes, Measures } from '../../guest-agent/protocol.ts'
import type { LostSymbol, NotAskedSymbol } from '../kernel/built-kernel.ts'
import type { AbsentCase } from '../plan/plan.ts'

/** What one case did. `not-run`: planned, and the guest never reported it. */
export type Outcome = 'pass' | 'fail' | 'skip' | 'timeout' | 'crash' | 'not-run'

export type SplatKind =
  | 'panic' | 'oops' | 'bug' | 'warning' | 'kasan' | 'kcsan' | 'ubsan' | 'lockdep' | 'refcount' | 'rcu-stall' | 'hung-task'
  | 'soft-lockup' | 'memory' | 'taint' | 'null-deref' | 'gpf' | 'list-corruption' | 'leak'

/** A complaint of the guest kernel on its console. */
export interface Splat {
  readonly kind: SplatKind
  /** Stable across runs: no addresses, pids, times; e.g. `WARNING in iommufd_device_bind`. */
  readonly title: string
  /** The case that ran then; null: between cases or while booting. */
  readonly atCase: string | null
  /** The console lines of the splat, cleaned and bounded. */
  readonly lines: readonly string[]
}

export interface Attempt {
  readonly outcome: Outcome
  /** It ran alone in a guest of its own. */
  readonly alone: boolean
}

export interface CaseResult {
  readonly id: string
  readonly suite: string
  readonly outcome: Outcome
  readonly expected: Outcome
  readonly unexpected: boolean
  /** Why the outcome is (un)expected, when that is not plain. */
  readonly because?: string
  readonly durationMs: number
  readonly message?: string
  /** What the guest kernel said on its console while an unexpected case ran: the last lines between its marks, cleaned and bounded. */
  readonly console?: readonly string[]
  readonly attempts: readonly Attempt[]
  readonly measures?: Measures
  /** The times among its measures are its result. */
  readonly timed?: true
}

export type CellStatus = 'ok' | 'failed' | 'build-failed' | 'boot-failed' | 'lab-error'

export interface CellResult {
  readonly id: string
  readonly kernel: { readonly name: string; readonly release: string; readonly patches: readonly string[] }
  readonly config: string
  readonly machine: string
  readonly status: CellStatus
  /** Why the cell failed as a whole: `boot-failed: oops in alloc_irq_table`. */
  readonly because?: string
  readonly timings: { readonly buildMs: number; readonly bootMs: number; readonly agentReadyMs: number; readonly casesMs: number }
  readonly splats: readonly Splat[]
  readonly absent: readonly AbsentCase[]
  /** QEMU's version, as it says itself. */
  readonly qemu: string
  readonly configLost: readonly LostSymbol[]
  readonly configNotAsked: readonly NotAskedSymbol[]
  /** What the compiler warned of when this kernel was built: `drivers/vfio/group.c:12: unused variable 'x' [-Wunused-variable]`. */
  readonly buildWarnings?: readonly string[]
  /** The last console lines, when the cell failed as a whole. */
  readonly tail?: readonly string[]
  /** What its cases asked of the kernel by ioctl, and what came of it. */
  readonly ioctls?: IoctlOutcomes
  readonly cases: readonly CaseResult[]
}

export interface Summary {
  readonly cells: number
  /** Counted from the plan before any guest starts. */
  readonly planned: number
  /** Counted from the agent's end events (pass, fail, timeout) and the running case of a crash; a skip never ran. */
  readonly ran: number
  readonly pass: number
  readonly fail: number
  readonly skip: number
  readonly timeout: number
  readonly crash: number
  /** Unexpected case verdicts, and cells that failed as a whole. */
  readonly unexpected: number
}

/** results.json. */
export interface Results {
  readonly schemaVersion: 1
  readonly id: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly durationMs: number
  readonly accel: { readonly used: 'kvm' | 'tcg'; readonly because: string }
  readonly interrupted: boolean
  readonly summary: Summary
  readonly excluded: readonly { readonly id: string; readonly because: string }[]
  readonly cells: readonly CellResult[]
  /** lab, node, qemu, gcc, source packages...: name -> version. */
  readonly versions: Readonly<Record<string, string>>
}
