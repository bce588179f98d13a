import { expect, test } from 'vitest'
import type { KernelProgress } from '../../../orchestrator/kernel/built-kernel.ts'
import { painter } from '../../../orchestrator/report/paint.ts'
import { advance, NO_PROGRESS, type Progress } from '../../../orchestrator/report/progress.ts'
import { progressLines } from '../../../orchestrator/report/progress-lines.ts'

const after = (...steps: readonly KernelProgress[]): Progress =>
  steps.reduce((before, progress, index) => advance(before, { event: 'kernel-progress', atMs: 1000 * index, kernel: 'mine', progress }), NO_PROGRESS)
const windowOf = (progress: Progress) => progressLines(progress, 10_000, 100, painter(false))

test('configs that are built at the same time have a line each, until they are stored or are no kernel', () => {
  const both: readonly KernelProgress[] = [
    { phase: 'configure', config: 'one' }, { phase: 'configure', config: 'two' }, { phase: 'compile', config: 'two', objects: 7 }, { phase: 'compile', config: 'one', objects: 3 },
  ]
  expect(windowOf(after(...both))).toEqual([
    'build   mine/one  3 objects  10.0 s', 'build   mine/two  7 objects  9.0 s', expect.stringMatching(/^lab {5}no guest yet/),
  ])
  expect(windowOf(after(...both, { phase: 'stored', config: 'one', buildMs: 4000, fromStore: false }))).toEqual(['build   mine/two  7 objects  9.0 s', expect.anything()])
  expect(windowOf(after(...both, { phase: 'failed', config: 'two', because: 'an error' }))).toEqual(['build   mine/one  3 objects  10.0 s', expect.anything()])
})
