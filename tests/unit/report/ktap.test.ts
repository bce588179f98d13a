import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldResults } from '../../../orchestrator/report/fold-results.ts'
import { ktapText } from '../../../orchestrator/report/ktap.ts'
import type { CellResult } from '../../../orchestrator/verdict/results.ts'
import { fakeRun, result } from './fake-run.ts'

const cellOf = (id: string): CellResult => {
  const cell = foldResults(fakeRun()).cells.find((one) => one.id === id)
  if (cell === undefined) throw new Error(`the fake run has no ${id}`)
  return cell
}

// The lines of Documentation/dev-tools/ktap.rst, as tools/testing/kunit/kunit_parser.py reads them.
const RESULT = /^(ok|not ok) ([0-9]+) ?(?:- )?([^#]*)( # .*)?$/
const SKIP = /^(ok|not ok) ([0-9]+) ?(?:- )?(.*) # SKIP ?(.*)$/

const parse = (text: string) => {
  const [version, plan, ...lines] = text.split('\n').slice(0, -1)
  expect(version).toBe('KTAP version 1')
  const tests = lines.flatMap((line) => {
    const match = RESULT.exec(line)
    if (match === null) {
      expect(line).toMatch(/^# {3}/)
      return []
    }
    const skip = SKIP.exec(line)
    return [{ number: Number(match[2]), name: match[3]?.trim(), status: skip === null ? match[1] : 'skip' }]
  })
  expect(plan).toBe(`1..${tests.length}`)
  expect(tests.map(({ number }) => number)).toEqual(tests.map((_, index) => index + 1))
  return tests
}

describe('a cell as KTAP', () => {
  it('lists what passed and what is absent', () => {
    expect(ktapText(cellOf('debian/noiommu/none'))).toMatchInlineSnapshot(`
      "KTAP version 1
      1..3
      #   cell debian/noiommu/none, kernel 7.3.0-rc7, QEMU 11.1.3
      ok 1 cdev/open
      ok 2 ioas/map
      ok 3 group/open # SKIP absent: VFIO_GROUP is not set
      "
    `)
  })

  it('says of each unexpected verdict what was seen', () => {
    expect(ktapText(cellOf('debian/noiommu/intel'))).toMatchInlineSnapshot(`
      "KTAP version 1
      1..7
      #   cell debian/noiommu/intel, kernel 7.3.0-rc7, QEMU 11.1.3
      ok 1 cdev/open
      #   cdev/bind-twice: WARNING in iommufd_device_bind
      #   cdev/bind-twice: WARNING: CPU: 0 PID: 71 at drivers/iommu/iommufd/device.c:271
      #   cdev/bind-twice: Call Trace:
      #   cdev/bind-twice:  vfio_df_ioctl_bind_iommufd+0x1a2/0x2d0
      not ok 2 cdev/bind-twice # ERROR crash
      #   ioas/map: IOMMU_IOAS_MAP at 0x1000:
      #   ioas/map: expected EEXIST
      #   ioas/map: got 0 # and no more
      #   ioas/map: iommufd: something odd
      not ok 3 ioas/map
      not ok 4 irq/msi # TIMEOUT after 5000 ms
      not ok 5 irq/intx # ERROR skipped although planned: no INTx pin
      not ok 6 reset/bus # ERROR not run
      ok 7 fault/unmapped # XFAIL crash, as expected: the case provokes it
      "
    `)
  })

  it('never looks clean when the cell failed as a whole', () => {
    expect(ktapText(cellOf('debian/iommufd/none'))).toMatchInlineSnapshot(`
      "KTAP version 1
      1..1
      #   cell debian/iommufd/none, kernel 7.3.0-rc7, QEMU 11.1.3
      not ok 1 cell # ERROR build-failed: a symbol that was asked for is lost
      "
    `)
    expect(ktapText(cellOf('debian/no-container/intel'))).toMatchInlineSnapshot(`
      "KTAP version 1
      1..2
      #   cell debian/no-container/intel, kernel 7.3.0-rc7, QEMU 11.1.3
      #   BUG: kernel NULL pointer dereference, address: 0000000000000018
      #   Kernel panic - not syncing: Fatal exception
      not ok 1 cell # ERROR boot-failed: panic before the agent answered: oops in alloc_irq_table
      not ok 2 cdev/open # ERROR not run
      "
    `)
    expect(parse(ktapText({ ...cellOf('debian/noiommu/none'), status: 'failed' }))[0]).toEqual({ number: 1, name: 'cell', status: 'not ok' })
  })
})

const nasty = fc.array(fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\n', '\r\n', '#', ' # SKIP ', '\u001b[31m', '\u009b2J', 'KTAP version 1', 'ok 1 x', 'not ok 2 y', '1..0', '# Subtest: x', 'reboot: System halted'),
)).map((parts) => parts.join(''))

describe('whatever a guest says', () => {
  const outcome = fc.constantFrom('pass', 'fail', 'skip', 'timeout', 'crash', 'not-run' as const)
  const caseResult = fc.record({ id: nasty, outcome, expected: outcome, message: nasty, because: nasty }).map(({ id, ...more }) =>
    result(id, { ...more, unexpected: more.outcome !== more.expected }))

  it('each case stays one result, and only an expected verdict is ok', () => {
    fc.assert(fc.property(fc.array(caseResult), fc.array(fc.record({ id: nasty, because: nasty })), nasty, (cases, absent, line) => {
      const unexpected = cases.some((one) => one.unexpected)
      const base = cellOf('debian/noiommu/none')
      const splats = cases.slice(0, 1).map(({ id }) => ({ kind: 'bug' as const, title: line, atCase: id, lines: [line, line] }))
      const text = ktapText({ ...base, status: unexpected ? 'failed' : 'ok', cases, absent, splats })
      const tests = parse(text)
      expect(tests).toHaveLength(cases.length + absent.length)
      for (const [index, one] of cases.entries()) {
        expect(tests[index]?.status).toBe(one.unexpected ? 'not ok' : one.outcome === 'skip' ? 'skip' : 'ok')
      }
      for (const test of tests.slice(cases.length)) expect(test.status).toBe('skip')
      expect(Array.from(text).filter((char) => char !== '\n' && char !== '\t' && (char < ' ' || (char >= '\u007f' && char <= '\u009f')))).toEqual([])
    }))
  })
})
