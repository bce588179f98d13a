import { setImmediate } from 'node:timers/promises'
import { sequences, type Command } from './commands.ts'
import type { IommufdModel } from './iommufd-model.ts'
import type { Kernel } from './kernel.ts'
import { runCommands, type SequenceRun, type Step } from './run-commands.ts'

/** One pair of model and kernel for one sequence. */
export interface Pair {
  readonly model: IommufdModel
  readonly kernel: Kernel
  /** `differed`: what the kernel holds is not known any more. */
  readonly close: (differed: boolean) => void
}

export interface SearchRequest {
  readonly seed: number
  /** How long to search, and how long to shrink what was found, milliseconds. */
  readonly searchMs: number
  readonly shrinkMs: number
  readonly withDevice: boolean
  readonly signal: AbortSignal
  readonly open: () => Pair
}

export interface SearchResult {
  /** How many sequences were tried, without those that shrink one. */
  readonly sequences: number
  readonly calls: number
  readonly found?: {
    /** Searched from this seed on, it is found at once. */
    readonly seed: number
    readonly afterMs: number
    /** How many calls the sequence had before it was shrunk. */
    readonly firstCalls: number
    /** The shortest sequence; the last step is the one that differs. */
    readonly steps: readonly Step[]
  }
}

const MAX_COMMANDS = 24
/** After so many the event loop has a turn. */
const ROUND = 16

/** Tries sequences until model and kernel differ, or the time is over; the same seed tries the same sequences. */
export const search = async ({ seed, searchMs, shrinkMs, withDevice, signal, open }: SearchRequest): Promise<SearchResult> => {
  // Not with the agent: reading it costs every guest its start, and one case in hundreds wants it.
  const fc = await import('./fast-check.ts')
  const started = performance.now()
  const passed = () => performance.now() - started
  const commands = sequences(fc, { withDevice, maxLength: MAX_COMMANDS })
  let tried = 0
  let calls = 0
  for (let round = 0; passed() < searchMs && !signal.aborted; round += 1) {
    let found: { readonly afterMs: number; readonly firstCalls: number; steps: readonly Step[] } | undefined
    const property = fc.property(commands, (list) => {
      if (passed() >= (found === undefined ? searchMs : found.afterMs + shrinkMs)) return true
      const { steps, differs } = tryOut(list, open)
      if (found === undefined) {
        tried += 1
        calls += steps.length
      }
      if (!differs) return true
      if (found === undefined) found = { afterMs: passed(), firstCalls: steps.length, steps }
      else found.steps = steps
      return false
    })
    // The seed of a round, not of the search: what is found late is found again at once.
    fc.check(property, { seed: seed + round, numRuns: ROUND })
    if (found !== undefined) return { sequences: tried, calls, found: { seed: seed + round, ...found, steps: thinned(found.steps, open) } }
    await setImmediate()
  }
  return { sequences: tried, calls }
}

const tryOut = (commands: readonly Command[], open: () => Pair): SequenceRun => {
  const { model, kernel, close } = open()
  const run = runCommands(commands, model, kernel)
  close(run.differs)
  return run
}

/**
 * Without the calls that are not needed for a difference. fast-check takes out commands, which then may mean other calls; here every call stays
 * what it is.
 */
const thinned = (steps: readonly Step[], open: () => Pair): readonly Step[] => {
  let kept = steps
  for (let index = steps.length - 2; index > 0; index -= 1) {
    if (index > kept.length - 2) continue
    // The first call is always there.
    const { steps: fewer, differs } = tryOut(kept.toSpliced(index, 1).slice(1).map(({ call }) => () => call), open)
    if (differs) kept = fewer
  }
  return kept
}
