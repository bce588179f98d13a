import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeProgram } from '../../../orchestrator/verdict/judge-program.ts'
import { readKtap } from '../../../orchestrator/verdict/read-ktap.ts'

const word = fc.constantFrom('TAP version 13', 'KTAP version 1', '1..1', '1..3', '1..0', 'ok 1 a', 'ok 2 b', 'not ok 1 a', 'ok', 'not ok', '# SKIP x', 'ok 3 c # SKIP', '# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:0 error:0', 'Bail out!')
const indent = fc.constantFrom('', '  ', '    ', '\t')
const hostileLine = fc.oneof(fc.tuple(indent, word, fc.string({ maxLength: 6 })).map((parts) => parts.join('')), fc.string({ maxLength: 40 }))

const judged = (stdout: readonly string[], status = 0) => judgeProgram({ output: 'ktap', stdout, stderr: [], end: { status } })

/** As kselftest.h writes it. */
const written = (names: readonly string[]): readonly string[] => [
  'TAP version 13', `1..${names.length}`, ...names.map((name, index) => `ok ${index + 1} ${name}`),
  `# Totals: pass:${names.length} fail:0 xfail:0 xpass:0 skip:0 error:0`,
]
const names = fc.uniqueArray(fc.stringMatching(/^[a-z]\w{0,10}(\.\w{1,10}){0,2}$/), { minLength: 1, maxLength: 12 })

describe('whatever a program says', () => {
  test('is read without an error, the same way each time, and what is told of it is bounded', () => {
    fc.assert(fc.property(fc.array(hostileLine, { maxLength: 60 }), (lines) => {
      const reading = readKtap(lines)
      expect(reading.problems.length).toBeLessThanOrEqual(20)
      expect(readKtap(lines)).toEqual(reading)
      const verdict = judged(lines)
      expect(verdict.outcome === 'pass').toBe(verdict.message === undefined)
      expect(verdict.message?.length ?? 0).toBeLessThan(100_000)
    }), { numRuns: 500 })
  })

  test('is no pass without a version, a plan of at least one test and a good result for each', () => {
    fc.assert(fc.property(fc.array(hostileLine, { maxLength: 20 }), (lines) => {
      if (judged(lines).outcome !== 'pass') return
      expect(lines.some((line) => /^K?TAP version \d+/.test(line))).toBe(true)
      const planned = Number(lines.map((line) => /^1\.\.(\d+)/.exec(line)?.[1]).find((count) => count !== undefined))
      expect(planned).toBeGreaterThan(0)
      expect(readKtap(lines).tests.filter(({ ok }) => ok)).toHaveLength(planned)
    }), { numRuns: 1000 })
  })
})

describe('a good report', () => {
  test('is a pass, whatever stands between its lines', () => {
    fc.assert(fc.property(names, fc.array(fc.constantFrom('# RUN', 'Mapped 0x1000', '', '#  OK  a'), { minLength: 20, maxLength: 20 }), (all, noise) => {
      expect(judged(written(all).flatMap((line, index) => [noise[index] ?? '', line]))).toEqual({ outcome: 'pass' })
    }))
  })

  test('is none when any of its lines is missing', () => {
    fc.assert(fc.property(names, fc.nat(), (all, at) => {
      const lines = written(all).slice(0, -1)
      expect(judged(lines.toSpliced(at % lines.length, 1)).outcome).toBe('fail')
    }))
  })

  test('is none when it is cut off, ends by a signal or with another status', () => {
    fc.assert(fc.property(names, fc.nat(), (all, at) => {
      const lines = written(all).slice(0, -1)
      expect(judged(lines.slice(0, at % lines.length)).outcome).toBe('fail')
      expect(judged(lines, 1).outcome).toBe('fail')
      expect(judgeProgram({ output: 'ktap', stdout: lines, stderr: [], end: { signal: 'SIGKILL' } }).outcome).toBe('fail')
    }))
  })

  test('is none when one of its results is bad or skipped', () => {
    fc.assert(fc.property(names, fc.nat(), fc.boolean(), (all, at, skipped) => {
      const lines = written(all).slice(0, -1)
      const index = 2 + (at % all.length)
      const line = lines[index] ?? ''
      expect(judged(lines.with(index, skipped ? `${line} # SKIP so` : `not ${line}`)).outcome).toBe(skipped ? 'skip' : 'fail')
    }))
  })
})
