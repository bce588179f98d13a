import { describe, expect, it } from 'vitest'
import { diffLines } from '../../../orchestrator/report/diff-lines.ts'
import { diffMarkdown } from '../../../orchestrator/report/diff-markdown.ts'
import { foldResults } from '../../../orchestrator/report/fold-results.ts'
import { painter } from '../../../orchestrator/report/paint.ts'
import { diffRuns } from '../../../orchestrator/verdict/diff-runs.ts'
import type { CaseResult, Results } from '../../../orchestrator/verdict/results.ts'
import { fakeRun } from './fake-run.ts'

const run = foldResults(fakeRun())

/** The run in which every `cdev/open` that was done says something else. */
const withOpen = (change: Partial<CaseResult>): Results => ({
  ...run,
  cells: run.cells.map((cell) => ({
    ...cell, cases: cell.cases.map((one) => (one.id === 'cdev/open' && one.outcome === 'pass' ? { ...one, ...change } : one)),
  })),
})
const BROKEN = { outcome: 'fail', unexpected: true, message: 'open of vfio0\ngot EBUSY' } as const
const HOSTILE = { outcome: 'fail', unexpected: true, message: '\u001b[2J`**@everyone** <b>\u202e' } as const

describe('for a terminal', () => {
  it('tells figures where they differ, and only those', () => {
    const [a, b] = [withOpen({ measures: { errors: 0, pages: 8 } }), withOpen({ measures: { errors: 1, pages: 8 } })]
    expect(diffLines(diffRuns(a, b), painter(false)).slice(3, 8)).toEqual([
      'changed cdev/open', '  was pass', '      errors = 0', '  is  pass', '      errors = 1',
    ])
  })

  it('tells a difference once, with all its cells', () => {
    expect(diffLines(diffRuns(run, withOpen(BROKEN)), painter(false)).slice(2)).toEqual([
      '',
      'BROKEN cdev/open',
      '  was pass',
      '  is  fail: open of vfio0',
      '      got EBUSY',
      '  in noiommu/none, noiommu/intel, no-container/none',
      '',
      '6 cells with 11 cases compared: 3 broken; B is worse',
    ])
  })

  it('says that there is none', () => {
    expect(diffLines(diffRuns(run, run), painter(false)).at(-1)).toBe('6 cells with 11 cases compared: no difference; nothing is worse')
  })

  it('lets no guest draw', () => {
    const text = diffLines(diffRuns(run, withOpen(HOSTILE)), painter(false)).join('\n')
    expect(text).not.toMatch(/(?!\n)\p{Cc}|\u202e/u)
  })
})

describe('in Markdown', () => {
  it('reads as a list', () => {
    expect(diffMarkdown(diffRuns(withOpen(BROKEN), run)).join('\n')).toBe([
      '**Nothing is worse in B**: 3 fixed in 6 cells with 11 cases.',
      '',
      '- A: `debian 7.3.0-rc7`, run `20261120-141503-9f3a`',
      '- B: `debian 7.3.0-rc7`, run `20261120-141503-9f3a`',
      '',
      '- **fixed** `cdev/open`',
      '  - was `fail: open of vfio0`, `got EBUSY`',
      '  - is `pass`',
      '  - in `noiommu/none`, `noiommu/intel`, `no-container/none`',
    ].join('\n'))
  })

  it('leaves a guest\'s words within a code span', () => {
    const lines = diffMarkdown(diffRuns(run, withOpen(HOSTILE)))
    expect(lines.find((line) => line.includes('everyone'))).toBe('  - is `fail: \'**@everyone** <b>`')
  })
})
