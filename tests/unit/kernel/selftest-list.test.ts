import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type HarnessTest, harnessName, parseTestList } from '../../../orchestrator/kernel/selftest-list.ts'

const HEAD = '# FIXTURE            VARIANT                   TEST'
const RULE = '-'.repeat(80)

interface Fixture {
  readonly name: string
  readonly variants: readonly string[]
  readonly tests: readonly string[]
}

/** As the harness prints it: two columns beside each other, padded, longer words shifting the rest. */
const printed = (fixtures: readonly Fixture[]): readonly string[] => fixtures.flatMap(({ name, variants, tests }, at) => [
  at === 0 ? HEAD : RULE,
  ...Array.from({ length: Math.max(variants.length, tests.length, 1) }, (_, row) =>
    `${(row === 0 ? name : '').padEnd(20)} ${(variants[row] ?? '').padEnd(25)} ${tests[row] ?? ''}`),
])

const word = fc.stringMatching(/^[a-z]\w{0,40}$/)
const fixture = fc.record({
  name: word,
  variants: fc.uniqueArray(word, { maxLength: 6 }),
  tests: fc.uniqueArray(word, { minLength: 1, maxLength: 6 }),
})

test('every variant of a fixture has every test of it', () => {
  fc.assert(fc.property(fc.uniqueArray(fixture, { minLength: 1, maxLength: 5, selector: ({ name }) => name }), (fixtures) => {
    const all = fixtures.flatMap(({ name, variants, tests }): readonly HarnessTest[] =>
      (variants.length === 0 ? [''] : variants).flatMap((variant) => tests.map((one) => ({ fixture: name, variant, test: one }))))
    expect(parseTestList([...printed(fixtures), ''])).toEqual(all)
  }))
})

test('what comes before the list does no harm, and what is none is none', () => {
  expect(parseTestList(['hello', HEAD, 'cdev                                           bind', ''])).toEqual([{ fixture: 'cdev', variant: '', test: 'bind' }])
  expect(parseTestList(['Unable to determine which device(s) to use, skipping test.'])).toBeUndefined()
  expect(parseTestList([HEAD, 'a b c d e f g'])).toBeUndefined()
  expect(parseTestList([])).toBeUndefined()
})

test('a test is named as its output names it', () => {
  expect(harnessName({ fixture: 'f', variant: 'v', test: 't' })).toBe('f.v.t')
  expect(harnessName({ fixture: 'f', variant: '', test: 't' })).toBe('f.t')
})
