import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CellStatus, CellResult, Outcome, Summary } from '../../../orchestrator/verdict/results.ts'
import { exitCode } from '../../../orchestrator/verdict/exit-code.ts'
import { judgeCell } from '../../../orchestrator/verdict/judge-cell.ts'
import { summarise } from '../../../orchestrator/verdict/summarise.ts'
import { aCase, end, lifeOf, planOf, start, unbuilt } from './made-up-cell.ts'

const STATUSES: readonly CellStatus[] = ['ok', 'failed', 'build-failed', 'boot-failed', 'lab-error']
const cell = (status: CellStatus): CellResult => ({ ...judgeCell(planOf([]), [], { qemu: '' }), status })
const summaryOf = (cells: readonly CellResult[]): Summary => ({ ...summarise(cells, { cells: [], excluded: [] }), cells: cells.length })

const codeOf = (statuses: readonly CellStatus[], interrupted = false) => {
  const cells = statuses.map(cell)
  return exitCode({ interrupted, cells, summary: summaryOf(cells) })
}

describe('exit code', () => {
  test.each([
    [['ok', 'ok'], 0],
    [['ok', 'failed'], 1],
    [['build-failed'], 1],
    [['boot-failed'], 1],
    [['ok', 'lab-error'], 3],
    [['lab-error', 'failed'], 1],
    [[], 3],
  ] as const)('of %j is %d', (statuses, code) => {
    expect(codeOf(statuses)).toBe(code)
  })

  test('of an interrupted run is 130, whatever else happened', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...STATUSES)), (statuses) => codeOf(statuses, true) === 130))
  })

  test('is 0 only when every cell is ok, and does not depend on their order', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...STATUSES), { minLength: 1 }), (statuses) => {
      expect(codeOf(statuses) === 0).toBe(statuses.every((status) => status === 'ok'))
      expect(codeOf(statuses.toReversed())).toBe(codeOf(statuses))
    }))
  })

  test('is the lab\'s when a planned cell has no result', () => {
    const cells = [cell('ok')]
    expect(exitCode({ interrupted: false, cells, summary: { ...summaryOf(cells), cells: 2 } })).toBe(3)
  })
})

describe('summary', () => {
  test('counts planned from the plan and ran from what ended; a skip never ran', () => {
    const cases = ['s/pass', 's/fail', 's/skip', 's/timeout', 's/crash', 's/lost'].map((id) => aCase(id))
    const plan = planOf(cases)
    const asked = cases.map(({ id }) => id)
    const events = [
      start('s/pass'), end('s/pass'), start('s/fail'), end('s/fail', 'fail'), start('s/skip'), end('s/skip', 'skip'),
      start('s/timeout'), end('s/timeout', 'timeout'), start('s/crash'),
    ]
    const result = judgeCell(plan, [lifeOf(events, { asked, end: { how: 'panic', because: 'panic: x' } })], { qemu: '' })
    expect(summarise([result], { cells: [plan], excluded: [] })).toEqual({
      cells: 1, planned: 6, ran: 4, pass: 1, fail: 1, skip: 1, timeout: 1, crash: 1, unexpected: 5,
    })
  })

  test('counts a cell that failed as a whole, and one that never came', () => {
    const failed = judgeCell({ ...planOf([]), kernel: unbuilt }, [], { qemu: '' })
    const missing = { ...planOf([aCase('s/a')]), cell: { ...planOf([]).cell, id: 'debian/other/none' } }
    expect(summarise([failed], { cells: [{ ...planOf([]), kernel: unbuilt }, missing], excluded: [] })).toMatchObject({ cells: 2, planned: 1, ran: 0, unexpected: 2 })
  })

  test('every planned case stands in exactly one column, and no unexpected verdict is lost', () => {
    const ends = fc.array(fc.constantFrom<Outcome>('pass', 'fail', 'skip', 'timeout', 'crash', 'not-run'), { maxLength: 12 })
    fc.assert(fc.property(ends, (outcomes) => {
      const cases = outcomes.map((_, index) => aCase(`s/${index}`))
      const lives = outcomes.flatMap((outcome, index) => {
        const id = `s/${index}`
        if (outcome === 'not-run') return [lifeOf([], { asked: [id] })]
        if (outcome === 'crash') return [lifeOf([start(id)], { asked: [id], end: { how: 'panic', because: 'panic: x' } })]
        return [lifeOf([start(id), end(id, outcome)], { asked: [id] })]
      })
      const plan = planOf(cases)
      const result = judgeCell(plan, lives, { qemu: '' })
      const { pass, fail, skip, timeout, crash, ran, planned, unexpected } = summarise([result], { cells: [plan], excluded: [] })
      const missing = outcomes.filter((outcome) => outcome === 'not-run').length
      expect(result.cases.map(({ outcome }) => outcome)).toEqual(outcomes)
      expect(pass + fail + skip + timeout + crash + missing).toBe(planned)
      expect(ran).toBe(pass + fail + timeout + crash)
      expect(unexpected).toBe(planned - pass)
    }))
  })
})
