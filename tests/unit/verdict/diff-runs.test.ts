import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { diffRuns } from '../../../orchestrator/verdict/diff-runs.ts'
import type { CellResult, Outcome } from '../../../orchestrator/verdict/results.ts'
import type { Difference } from '../../../orchestrator/verdict/run-diff.ts'
import { caseOf, cellOf, runOf, splatOf } from './made-up-results.ts'

/** The one difference of two runs of one cell. */
const only = (a: CellResult, b: CellResult): Difference | undefined => {
  const { cells } = diffRuns(runOf([a]), runOf([b]))
  expect(cells.flatMap(({ differences }) => differences).length).toBeLessThanOrEqual(1)
  return cells[0]?.differences[0]
}

describe('one case', () => {
  it.each([
    ['pass, then fail', caseOf('a/x'), caseOf('a/x', 'fail'), 'broken', true],
    ['fail, then pass', caseOf('a/x', 'fail'), caseOf('a/x'), 'fixed', false],
    ['another errno', caseOf('a/x', 'fail', { message: 'got EBUSY' }), caseOf('a/x', 'fail', { message: 'got EINVAL' }), 'changed', false],
    ['fail, then a dead guest', caseOf('a/x', 'fail'), caseOf('a/x', 'crash'), 'changed', true],
    ['a dead guest, then fail', caseOf('a/x', 'crash'), caseOf('a/x', 'fail'), 'changed', false],
    ['a planned case that skips', caseOf('a/x'), caseOf('a/x', 'skip'), 'broken', true],
    ['another figure', caseOf('a/x', 'pass', { measures: { errorInterrupts: 0 } }), caseOf('a/x', 'pass', { measures: { errorInterrupts: 1 } }), 'changed', false],
    ['a crash that is expected', caseOf('a/x'), caseOf('a/x', 'crash', { expected: 'crash', unexpected: false }), 'changed', false],
  ])('%s', (_, was, is, change, worse) => {
    expect(only(cellOf([was]), cellOf([is]))).toMatchObject({ change, worse, place: { kind: 'case', id: 'a/x' } })
  })

  it('takes another time to do it: that is no difference', () => {
    const took = (copyMs: number) => cellOf([caseOf('a/x', 'pass', { measures: { copyMs, waitUs: copyMs * 1000 } })])
    expect(only(took(1), took(2))).toBeUndefined()
  })

  it('says the same although addresses, times and pids differ', () => {
    const at = (text: string) => cellOf([caseOf('a/x', 'fail', { message: text })])
    expect(only(at('fault at 0xffff888001234000 after 12.5 ms, pid 71'), at('fault at 0xffff88800abcd000 after 9 ms, pid 1203'))).toBeUndefined()
    expect(only(at('expected 2 mappings'), at('expected 3 mappings'))).toMatchObject({ change: 'changed' })
  })

  it('that the other kernel cannot have is gone, which is worse; one that it was not asked for is not', () => {
    const was = cellOf([caseOf('a/x'), caseOf('a/y')])
    expect(only(was, cellOf([caseOf('a/y')], { absent: [{ id: 'a/x', because: 'VFIO_GROUP is not set' }] })))
      .toMatchObject({ change: 'gone', worse: true, because: 'VFIO_GROUP is not set' })
    expect(only(was, cellOf([caseOf('a/y')]))).toMatchObject({ change: 'gone', worse: false })
  })

  it('that is new is worse only when it fails', () => {
    const was = cellOf([], { absent: [{ id: 'a/x', because: 'no such ioctl' }] })
    expect(only(was, cellOf([caseOf('a/x')]))).toMatchObject({ change: 'new', worse: false, because: 'no such ioctl' })
    expect(only(was, cellOf([caseOf('a/x', 'timeout')]))).toMatchObject({ change: 'new', worse: true })
  })
})

describe('splats', () => {
  const warning = splatOf('WARNING in f', 'a/x')
  it('of a case stand with it', () => {
    expect(only(cellOf([caseOf('a/x')]), cellOf([caseOf('a/x', 'crash')], { splats: [warning] })))
      .toMatchObject({ change: 'broken', worse: true, is: { splats: ['WARNING in f'] } })
  })

  it('that another one joins make a failing case worse', () => {
    const failing = caseOf('a/x', 'crash')
    expect(only(cellOf([failing], { splats: [warning] }), cellOf([failing], { splats: [warning, splatOf('KASAN: use-after-free in g', 'a/x')] })))
      .toMatchObject({ change: 'changed', worse: true })
    expect(only(cellOf([failing], { splats: [warning] }), cellOf([failing]))).toMatchObject({ change: 'changed', worse: false })
  })

  it('between the cases have a place of their own', () => {
    expect(only(cellOf([caseOf('a/x')]), cellOf([caseOf('a/x')], { status: 'failed', splats: [splatOf('WARNING in f', null)] })))
      .toMatchObject({ change: 'broken', worse: true, place: { kind: 'between' } })
  })
})

describe('whole cells', () => {
  const fine = cellOf([caseOf('a/x'), caseOf('a/y')])
  const unbuilt = cellOf([], { status: 'build-failed', because: 'drivers/vfio/vfio_main.c:12: error: no' })

  it('that fail say so once, and nothing of their cases', () => {
    expect(only(fine, unbuilt)).toMatchObject({ change: 'broken', worse: true, place: { kind: 'cell' }, is: { verdict: 'build-failed' } })
    expect(only(unbuilt, fine)).toMatchObject({ change: 'fixed', worse: false })
    expect(only(unbuilt, unbuilt)).toBeUndefined()
    expect(only(cellOf([], { status: 'lab-error' }), cellOf([], { status: 'boot-failed' }))).toMatchObject({ change: 'changed', worse: true })
  })

  it('pair by config and machine when each run has one kernel', () => {
    const other = { ...fine, id: 'tree/noiommu/intel', kernel: { name: 'tree', release: '7.2.0', patches: ['one'] } }
    expect(diffRuns(runOf([fine]), runOf([other]))).toMatchObject({ compared: { cells: 1, cases: 2 }, cells: [], worse: false })
    const two = runOf([fine, other])
    expect(diffRuns(two, runOf([other]))).toMatchObject({ compared: { cells: 1 }, counts: { gone: 1 }, worse: false })
  })

  it('that only one run has are new or gone, excluded ones with their reason', () => {
    const b = runOf([], { excluded: [{ id: 'debian/noiommu/intel', because: 'not today' }] })
    expect(diffRuns(runOf([fine]), b).cells).toMatchObject([{ differences: [{ change: 'gone', worse: false, because: 'not today' }] }])
    expect(diffRuns(b, runOf([unbuilt]))).toMatchObject({ worse: true, counts: { new: 1 } })
  })
})

const outcome = fc.constantFrom<Outcome>('pass', 'fail', 'skip', 'timeout', 'crash', 'not-run')
const someCase = fc.record({ id: fc.constantFrom('a/1', 'a/2', 'a/3', 'a/4'), outcome, expected: fc.boolean(), message: fc.option(fc.constantFrom('EBUSY', 'EINVAL at 0xdeadbeef'), { nil: undefined }) })
  .map(({ id, outcome: what, expected, message }) => caseOf(id, what, { ...(expected ? { expected: what, unexpected: false } : {}), ...(message === undefined ? {} : { message }) }))
const someCell = fc.record({
  cases: fc.uniqueArray(someCase, { selector: ({ id }) => id }),
  config: fc.constantFrom('noiommu', 'iommufd'), machine: fc.constantFrom('none', 'intel'),
  status: fc.constantFrom<CellResult['status']>('ok', 'failed', 'build-failed', 'boot-failed', 'lab-error'),
  splats: fc.array(fc.tuple(fc.constantFrom('WARNING in f', 'BUG in g'), fc.constantFrom('a/1', 'a/2', null)).map(([title, at]) => splatOf(title, at)), { maxLength: 3 }),
}).map(({ cases, config, machine, status, splats }) => cellOf(cases, { id: `debian/${config}/${machine}`, config, machine, status, splats }))
const someRun = fc.uniqueArray(someCell, { selector: ({ id }) => id }).map((cells) => runOf(cells))

describe('whatever two runs say', () => {
  it('a run differs in nothing from itself', () => {
    fc.assert(fc.property(someRun, (run) => { expect(diffRuns(run, run)).toMatchObject({ cells: [], worse: false }) }))
  })

  it('what is broken one way is fixed the other way, and what is gone is new', () => {
    fc.assert(fc.property(someRun, someRun, (a, b) => {
      const [there, back] = [diffRuns(a, b).counts, diffRuns(b, a).counts]
      expect(back).toEqual({ broken: there.fixed, fixed: there.broken, changed: there.changed, new: there.gone, gone: there.new })
    }))
  })

  it('whatever is as expected in A and not in B makes B worse', () => {
    fc.assert(fc.property(someRun, someRun, (a, b) => {
      const whole = (cell: CellResult) => cell.status === 'ok' || cell.status === 'failed'
      const broken = b.cells.some((cell) => whole(cell) && a.cells.some((was) => was.id === cell.id && whole(was)
        && cell.cases.some((one) => one.unexpected && was.cases.some(({ id, unexpected }) => id === one.id && !unexpected))))
      if (broken) expect(diffRuns(a, b).worse).toBe(true)
    }))
  })
})
