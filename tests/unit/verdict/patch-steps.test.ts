import { describe, expect, it } from 'vitest'
import { exitCodeOfSteps, patchSteps } from '../../../orchestrator/verdict/patch-steps.ts'
import { painter } from '../../../orchestrator/report/paint.ts'
import { stepLines } from '../../../orchestrator/report/step-lines.ts'
import type { CaseResult, CellResult, Outcome, Results } from '../../../orchestrator/verdict/results.ts'

const caseOf = (id: string, outcome: Outcome): CaseResult =>
  ({ id, suite: 'a', outcome, expected: 'pass', unexpected: outcome !== 'pass', durationMs: 5, attempts: [{ outcome, alone: false }] })
/** `tree+patched` has two patches, `tree+1` one. */
const titlesOf = (kernel: string): readonly string[] => (kernel.endsWith('+patched') ? ['one', 'two'] : ['one', 'two', 'three'].slice(0, Number(/\+(\d)$/.exec(kernel)?.[1] ?? 0)))
const cellOf = (kernel: string, outcomes: Readonly<Record<string, Outcome>>, more: Partial<CellResult> = {}): CellResult => ({
  id: `${kernel}/noiommu/intel`, kernel: { name: kernel, release: '7.3.0', patches: titlesOf(kernel) }, config: 'noiommu', machine: 'intel',
  status: Object.values(outcomes).every((outcome) => outcome === 'pass') ? 'ok' : 'failed', timings: { buildMs: 0, bootMs: 1, agentReadyMs: 2, casesMs: 3 },
  splats: [], absent: [], qemu: '11', configLost: [], configNotAsked: [], cases: Object.entries(outcomes).map(([id, outcome]) => caseOf(id, outcome)), ...more,
})
const runOf = (cells: readonly CellResult[], more: Partial<Results> = {}): Results => ({
  schemaVersion: 1, id: 'run', startedAt: '2026-11-22T00:00:00.000Z', durationMs: 1, accel: { used: 'tcg', because: '' }, interrupted: false,
  summary: { cells: cells.length, planned: 0, ran: 0, pass: 0, fail: 0, skip: 0, timeout: 0, crash: 0, unexpected: 0 }, excluded: [], versions: {}, cells, ...more,
})
const answer = (results: Results) => exitCodeOfSteps(results, patchSteps(results))

describe('a run with --base answers for the patches', () => {
  it.each([
    ['nothing fails', { 'a/x': 'pass' }, { 'a/x': 'pass' }, 0],
    ['what fails on both sides is not theirs', { 'a/x': 'fail' }, { 'a/x': 'fail' }, 0],
    ['what they mend', { 'a/x': 'crash' }, { 'a/x': 'pass' }, 0],
    ['what they break', { 'a/x': 'pass' }, { 'a/x': 'fail' }, 1],
    ['what they make worse', { 'a/x': 'fail' }, { 'a/x': 'crash' }, 1],
    ['a new case that passes', {}, { 'a/x': 'pass' }, 0],
    ['a new case that fails', {}, { 'a/x': 'fail' }, 1],
  ] as const)('%s', (_, base, patched, code) => {
    expect(answer(runOf([cellOf('tree', base), cellOf('tree+patched', patched)]))).toBe(code)
  })

  it('a case that they take away is theirs', () => {
    const without = cellOf('tree+patched', {}, { absent: [{ id: 'a/x', because: 'no such ioctl' }] })
    expect(answer(runOf([cellOf('tree', { 'a/x': 'pass' }), without]))).toBe(1)
  })

  it('a kernel that does not build any more is theirs; what the lab could not judge is the lab\'s', () => {
    const base = cellOf('tree', { 'a/x': 'pass' })
    expect(answer(runOf([base, cellOf('tree+patched', {}, { status: 'build-failed' })]))).toBe(1)
    expect(answer(runOf([base, cellOf('tree+patched', {}, { status: 'lab-error' })]))).toBe(3)
    expect(answer(runOf([base, cellOf('tree+patched', { 'a/x': 'pass' })], { interrupted: true }))).toBe(130)
    expect(answer(runOf([]))).toBe(3)
  })

  it('holds each kernel against its own base', () => {
    const results = runOf([cellOf('a', { 'a/x': 'pass' }), cellOf('a+patched', { 'a/x': 'fail' }), cellOf('b', { 'a/x': 'fail' }), cellOf('b+patched', { 'a/x': 'pass' })])
    expect(patchSteps(results).map(({ patches, diff: { counts } }) => [patches, counts.broken, counts.fixed])).toEqual([[['one', 'two'], 1, 0], [['one', 'two'], 0, 1]])
    expect(answer(results)).toBe(1)
  })
})

it('warnings that were not there before are told once, with their configs; a moved line is no new one', () => {
  const warned = (kernel: string, ...buildWarnings: readonly string[]) => ['noiommu', 'iommufd'].map((config) => cellOf(kernel, { 'a/x': 'pass' }, { config, id: `${kernel}/${config}/intel`, buildWarnings }))
  const results = runOf([...warned('tree', 'a.c:3: old'), ...warned('tree+1', 'a.c:5: old', 'b.c:1: new')])
  expect(patchSteps(results)[0]?.newWarnings).toEqual([{ text: 'b.c:1: new', configs: ['noiommu', 'iommufd'] }])
  expect(stepLines(patchSteps(results), painter(false))).toContain('  warning b.c:1: new  in noiommu, iommufd')
})

describe('a run with --each', () => {
  const after = (...outcomes: readonly Outcome[]) => runOf(outcomes.map((outcome, index) => cellOf(index === 0 ? 'tree' : `tree+${index}`, { 'a/x': outcome })))

  it('has one step a patch, and says which one breaks', () => {
    const steps = patchSteps(after('pass', 'pass', 'fail', 'fail'))
    expect(steps.map(({ patches, diff }) => [patches, diff.worse])).toEqual([[['one'], false], [['two'], true], [['three'], false]])
    expect(answer(after('pass', 'pass', 'fail', 'fail'))).toBe(1)
  })

  it('a patch that breaks what a later one mends has broken it', () => {
    expect(answer(after('pass', 'fail', 'pass'))).toBe(1)
    expect(answer(after('fail', 'fail', 'pass'))).toBe(0)
  })

  it('without a base begins after the first patch', () => {
    const results = runOf([cellOf('tree+1', { 'a/x': 'pass' }), cellOf('tree+2', { 'a/x': 'fail' })])
    expect(patchSteps(results).map(({ patches }) => patches)).toEqual([['two']])
    expect(patchSteps(runOf([cellOf('tree+patched', { 'a/x': 'pass' })]))).toEqual([])
  })

  it('is told in lines', () => {
    expect(stepLines(patchSteps(after('pass', 'pass', 'fail', 'fail')), painter(false))).toEqual([
      '', 'ok    tree+1: one  no difference', 'WORSE tree+2: two  1 broken', '  BROKEN a/x', '    was pass', '    is  fail', '    in noiommu/intel', '',
      'ok    tree+3: three  no difference', '', '1 of 3 steps makes something worse, the first is: tree+2: two',
    ])
  })
})
