import { nameWithoutPatches } from '../config/with-patches.ts'
import { diffRuns } from './diff-runs.ts'
import type { Results } from './results.ts'
import type { RunDiff } from './run-diff.ts'

/** From one state of a kernel to the next one: what its patches changed. */
export interface PatchStep {
  /** Titles of the patches that B has and A has not. */
  readonly patches: readonly string[]
  readonly diff: RunDiff
  /** What the compiler did not say before, and in which configs. */
  readonly newWarnings: readonly NewWarning[]
}

export interface NewWarning {
  readonly text: string
  readonly configs: readonly string[]
}

/** Of a run of kernels in several states of a series (without it, after each patch, with all of it): the steps, in order, kernel by kernel. */
export const patchSteps = (results: Results): readonly PatchStep[] =>
  [...Map.groupBy(statesOf(results), ({ name }) => nameWithoutPatches(name)).values()].flatMap((states) =>
    states.slice(1).map((state, index): PatchStep => {
      const before = states[index] ?? state
      const [a, b] = [onKernel(results, before.name), onKernel(results, state.name)]
      return { patches: state.patches.slice(before.patches.length), diff: diffRuns(a, b), newWarnings: newWarnings(a, b) }
    }))

const newWarnings = (a: Results, b: Results): readonly NewWarning[] => {
  const before = new Set(warningsOf(a).map(({ config, text }) => `${config} ${withoutLine(text)}`))
  const found = warningsOf(b).filter(({ config, text }) => !before.has(`${config} ${withoutLine(text)}`))
  return [...Map.groupBy(found, ({ text }) => text)].map(([text, of]) => ({ text, configs: [...new Set(of.map(({ config }) => config))] }))
}

const warningsOf = ({ cells }: Results): readonly { readonly config: string; readonly text: string }[] =>
  cells.flatMap(({ config, buildWarnings = [] }) => buildWarnings.map((text) => ({ config, text })))

/** A patch moves the lines below it. */
const withoutLine = (text: string): string => text.replace(/^([^:]+):\d+:/, '$1:')

interface KernelState {
  readonly name: string
  readonly patches: readonly string[]
}

/** With fewer patches first. */
const statesOf = ({ cells }: Results): readonly KernelState[] =>
  [...new Map(cells.map(({ kernel }) => [kernel.name, { name: kernel.name, patches: kernel.patches }])).values()]
    .toSorted((a, b) => a.patches.length - b.patches.length)

const onKernel = (results: Results, name: string): Results => ({
  ...results,
  cells: results.cells.filter(({ kernel }) => kernel.name === name),
  excluded: results.excluded.filter(({ id }) => id.startsWith(`${name}/`)),
})

/**
 * The exit code of such a run answers for the patches: 1 only for what is worse after one of them than before it; what the lab could not judge
 * is no answer: 3. 130 interrupted.
 */
export const exitCodeOfSteps = (results: Results, steps: readonly PatchStep[]): 0 | 1 | 3 | 130 => {
  if (results.interrupted) return 130
  const worse = steps.flatMap(({ diff }) => diff.cells).flatMap(({ differences }) => differences).filter((difference) => difference.worse)
  if (worse.some(({ is }) => is?.verdict !== 'lab-error')) return 1
  const unjudged = results.cells.some(({ status }) => status === 'lab-error') || results.cells.length < results.summary.cells || results.cells.length === 0
  return unjudged ? 3 : 0
}
