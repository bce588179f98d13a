import type { KernelPatch, KernelSpec, ResolvedConfig } from '../config/resolved-config.ts'
import { withPatches } from '../config/with-patches.ts'
import type { History } from './first-bad.ts'
import type { JudgedState, LabState } from './lab-state.ts'

/** The states of a kernel after each patch of a series; the first one is without them. */
export const patchHistory = (config: ResolvedConfig, kernel: KernelSpec, patches: readonly KernelPatch[]): History => {
  const count = patches.length
  const stateAfter = (applied: number): LabState => {
    const alone: ResolvedConfig = { ...config, kernels: [kernel] }
    return {
      id: `after-${applied}`,
      title: applied === 0 ? `${kernel.name} without the patches` : `patch ${applied} of ${count} "${patches[applied - 1]?.title ?? ''}"`,
      config: applied === 0 ? alone : withPatches(alone, patches.slice(0, applied), { base: false, each: false }),
    }
  }
  const appliedIn = ({ id }: JudgedState) => Number(id.slice('after-'.length))
  return {
    of: 'patches',
    good: stateAfter(0),
    bad: stateAfter(count),
    next: (judged) => {
      const ends = { good: 0, bad: count }
      for (const state of judged) if (state.verdict !== 'skip') ends[state.verdict] = appliedIn(state)
      const skipped = new Set(judged.filter(({ verdict }) => verdict === 'skip').map(appliedIn))
      const between = Array.from({ length: ends.bad - ends.good - 1 }, (_, index) => ends.good + 1 + index)
      const middle = (ends.good + ends.bad) / 2
      const [next] = between.filter((applied) => !skipped.has(applied)).toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))
      if (next !== undefined) return Promise.resolve({ kind: 'judge', state: stateAfter(next), left: ends.bad - ends.good })
      return Promise.resolve(between.length === 0
        ? { kind: 'found', state: stateAfter(ends.bad) }
        : { kind: 'undecided', states: [...between, ends.bad].map(stateAfter) })
    },
  }
}
