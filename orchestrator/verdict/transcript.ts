import type { AgentEvent } from '../../guest-agent/protocol.ts'

/** How the life of one guest ended. */
export type GuestEnd =
  | { readonly how: 'done' }
  /** The kernel's: panic, silence, no network, while QEMU lives. `because` is one line. */
  | { readonly how: 'boot-failed'; readonly because: string }
  | { readonly how: 'panic'; readonly because: string }
  /** A running case went past its limit and no event came. */
  | { readonly how: 'case-timeout'; readonly caseId: string; readonly limitMs: number }
  /** The agent's process died or its connection broke, the guest lives. */
  | { readonly how: 'agent-died'; readonly because: string }
  /** The lab's: QEMU died, the agent's output is invalid, the disk is full. */
  | { readonly how: 'lab-error'; readonly because: string }
  | { readonly how: 'interrupted' }

/** One boot of a cell and what it was asked. A cell has more than one after a crash, a hang or with --isolate case. */
export interface GuestLife {
  /** The cases that this guest was asked to run, in order. */
  readonly asked: readonly string[]
  readonly alone: boolean
  readonly events: readonly AgentEvent[]
  /** The whole console of this guest, cleaned, one entry a line. */
  readonly console: readonly string[]
  readonly end: GuestEnd
  readonly bootMs: number
  readonly agentReadyMs: number
  readonly casesMs: number
}
