import type { CaseInfo, ProgramRun } from '../../guest-agent/protocol.ts'
import type { KernelOutcome } from '../kernel/built-kernel.ts'
import type { ConfigSpec, KernelSpec } from '../config/resolved-config.ts'
import type { MachineSpec } from '../machine/machine-spec.ts'

/** One guest to be booted and judged. `id` is `kernel/config/machine`. */
export interface Cell {
  readonly id: string
  readonly kernel: KernelSpec
  readonly config: ConfigSpec
  readonly machine: MachineSpec
}

/** A case of the agent, one that is a program of somebody else, or one that the tree's Kconfig files answer. */
export interface PlannedCase extends CaseInfo {
  readonly program?: ProgramCase
  /** Why no cell of this kind can have it, beside its needs. */
  readonly unfit?: string
  /** It cannot even be tried, and that is the kernel's fault: a suite that does not compile. One line, and lines that say more. */
  readonly broken?: { readonly because: string; readonly tail: readonly string[] }
  /** It is put to the tree's Kconfig files, not to a guest. */
  readonly kconfig?: readonly KconfigAsk[]
  /** What a pass of it does not show here. */
  readonly caveat?: string
  /** It may go wrong in this one way. */
  readonly knownFailure?: { readonly because: string; readonly outcome: 'fail' | 'crash'; readonly looks: RegExp }
}

/** Config symbols without CONFIG_ and their values; `n` for one that is not set. */
export type Symbols = Readonly<Record<string, string>>

/** A config that olddefconfig is asked for, over base.config, and what must come of it. */
export interface KconfigAsk {
  readonly asks: Symbols
  readonly becomes: Symbols
  /** Instead, on a tree without IOMMUFD_NOIOMMU: there noiommu is of groups alone, whatever container they have. */
  readonly older?: Symbols
}

export interface ProgramCase extends Omit<ProgramRun, 'id' | 'timeoutMs'> {
  /** Folder on this host with what goes into the guest, and the names of those files. */
  readonly folder: string
  readonly files: readonly string[]
  readonly output: 'ktap' | 'tap' | 'exit-code'
  /** The one test that it is asked for, as its output names it. */
  readonly test?: string
  /** One of 1 GiB, which a guest has from its boot on. */
  readonly gigaPage: boolean
  /** The guest has at least so much. */
  readonly memoryMiB: number
}

/** A case that this cell cannot have, and why, in words of the cell: `VFIO_GROUP is not set`. */
export interface AbsentCase {
  readonly id: string
  readonly because: string
}

export interface CellPlan {
  readonly cell: Cell
  readonly kernel: KernelOutcome
  /** In the order in which they run. */
  readonly cases: readonly PlannedCase[]
  readonly absent: readonly AbsentCase[]
}

export interface Plan {
  readonly cells: readonly CellPlan[]
  /** Cells that the config excludes, with its reason. */
  readonly excluded: readonly { readonly id: string; readonly because: string }[]
}
