import type { KernelProgress } from '../kernel/built-kernel.ts'
import type { CaseEndOutcome } from '../../guest-agent/protocol.ts'
import type { CellResult, Results, Splat } from '../verdict/results.ts'

/** One line of events.ndjson. Every report, live or of a file, is made from these and nothing else. */
export type LabEvent = { /** Milliseconds since the run began. */ readonly atMs: number } & (
  | { readonly event: 'run-start'; readonly id: string; readonly startedAt: string }
  /** Something a person should read once: why TCG, a kernel newer than the catalogue, what is being installed. */
  | { readonly event: 'notice'; readonly text: string }
  | { readonly event: 'kernel-progress'; readonly kernel: string; readonly progress: KernelProgress }
  | {
      readonly event: 'plan'
      readonly cells: readonly { readonly id: string; readonly planned: number; readonly absent: number }[]
      readonly planned: number
      readonly excluded: readonly { readonly id: string; readonly because: string }[]
    }
  | { readonly event: 'cell-start'; readonly cell: string }
  | { readonly event: 'boot'; readonly cell: string; readonly attempt: number }
  | { readonly event: 'agent-ready'; readonly cell: string; readonly afterMs: number }
  | { readonly event: 'case-start'; readonly cell: string; readonly id: string }
  | { readonly event: 'case-end'; readonly cell: string; readonly id: string; readonly outcome: CaseEndOutcome; readonly durationMs: number; readonly message?: string }
  | { readonly event: 'splat'; readonly cell: string; readonly splat: Splat }
  | { readonly event: 'cell-end'; readonly cell: string; readonly result: CellResult }
  | { readonly event: 'run-end'; readonly results: Omit<Results, 'cells'> }
)

export type LabEventBody = LabEvent extends infer E ? (E extends LabEvent ? Omit<E, 'atMs'> : never) : never
