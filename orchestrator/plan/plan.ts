import type { CaseInfo } from '../../guest-agent/protocol.ts'
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

/** A case that this cell cannot have, and why, in words of the cell: `VFIO_GROUP is not set`. */
export interface AbsentCase {
  readonly id: string
  readonly because: string
}

export interface CellPlan {
  readonly cell: Cell
  readonly kernel: KernelOutcome
  /** In the order in which they run. */
  readonly cases: readonly CaseInfo[]
  readonly absent: readonly AbsentCase[]
}

export interface Plan {
  readonly cells: readonly CellPlan[]
  /** Cells that the config excludes, with its reason. */
  readonly excluded: readonly { readonly id: string; readonly because: string }[]
}
