import { describe, expect, it } from 'vitest'
import { diffLines } from '../../../orchestrator/report/diff-lines.ts'
import { diffMarkdown } from '../../../orchestrator/report/diff-markdown.ts'
import { foldResults } from '../../../orchestrator/report/fold-results.ts'
import { painter } from '../../../orchestrator/report/paint.ts'
import { diffRuns } from '../../../orchestrator/verdict/diff-runs.ts'
import type { CaseResult, Results } from '../../../orchestrator/verdict/results.ts'
import { fakeRun, result } from './fake-run.ts'

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

describe('what is slower or faster', () => {
  const timed = (measures: Readonly<Record<string, number>>): Results => {
    const [first] = run.cells
    return { ...run, cells: first === undefined ? [] : [{ ...first, cases: [result('performance/cdev', { timed: true, measures })] }] }
  }
  const many = (us: (size: number) => number) => timed(Object.fromEntries(Array.from({ length: 13 }, (_, size) => [`map${size}KiBUs`, us(size)])))

  it('has a section of its own on a terminal, and is nothing worse', () => {
    expect(diffLines(diffRuns(timed({ mapUs: 10, copyUs: 8, callNs: 100 }), timed({ mapUs: 23.1, copyUs: 4, callNs: 101 })), painter(false)).slice(2)).toEqual([
      '',
      '2 of 3 times slower or faster by more than 1.25x',
      '  in noiommu/none',
      '    2.31x slower performance/cdev mapUs 10 -> 23.1',
      '    2.00x faster performance/cdev copyUs 8 -> 4',
      '',
      '1 cell with 1 case compared: no difference; nothing is worse',
    ])
  })

  it('is told of a cell ten times at most, those that changed most', () => {
    const lines = diffLines(diffRuns(many(() => 1), many((size) => 2 + size)), painter(false))
    expect(lines.filter((line) => line.includes('slower performance'))).toHaveLength(10)
    expect(lines).toContain('    14.00x slower performance/cdev map12KiBUs 1 -> 14')
    expect(lines).toContain('    and 3 more')
    expect(diffMarkdown(diffRuns(many(() => 1), many((size) => 2 + size))).slice(-1)).toEqual(['  - and 3 more'])
  })

  it('is a list in Markdown', () => {
    expect(diffMarkdown(diffRuns(timed({ mapUs: 10 }), timed({ mapUs: 23.1 }))).slice(5)).toEqual([
      '**1 of 1 time slower or faster by more than 1.25x**',
      '',
      '- in `noiommu/none`',
      '  - 2.31x slower `performance/cdev mapUs 10 -> 23.1`',
    ])
  })

  it('is not mentioned where all is within the noise', () => {
    const diff = diffRuns(timed({ mapUs: 10 }), timed({ mapUs: 10.4 }))
    expect([...diffLines(diff, painter(false)), ...diffMarkdown(diff)].join('\n')).not.toMatch(/slower|faster/)
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
