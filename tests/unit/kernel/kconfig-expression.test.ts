import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conjuncts, evaluate, type Expression, parseExpression, show, type Tristate } from '../../../orchestrator/kernel/kconfig-expression.ts'

const parse = (text: string): Expression => {
  const parsed = parseExpression(text)
  if (parsed === undefined) throw new Error(`not an expression: ${text}`)
  return parsed.expression
}

const config = { Y: 'y', M: 'm', COUNT: '64', NAME: '"x86"', VERSION: '140200' }

test.each<[string, Tristate | undefined]>([
  ['Y', 2], ['M', 1], ['N', 0], ['y', 2], ['m', 1], ['n', 0],
  ['!Y', 0], ['!M', 1], ['!N', 2], ['!!M', 1],
  ['Y && M', 1], ['M || Y', 2], ['N || M && Y', 1], ['(N || Y) && N', 0], ['!(Y && N)', 2], ['!N && !N', 2],
  ['Y = y', 2], ['M=y', 0], ['M != n', 2], ['N = n', 2], ['N!=n', 0], ['M <= Y', 2], ['M > N', 2], ['Y < M', 0],
  ['COUNT >= 64', 2], ['COUNT > 0x40', 0], ['VERSION >= 90000', 2], ['NAME = "x86"', 2], ["NAME = 'arm'", 0], ['"$(ARCH)" = "x86"', 0],
  ['$(cc-option,-m64)', undefined], ['!$(success,true)', undefined], ['N && $(a,(b))', 0], ['Y || $(a)', 2], ['Y && $(a)', undefined], ['$(shell,x) = y', undefined],
])('%s is %s', (text, value) => {
  expect(evaluate(parse(text), config)).toBe(value)
})

test.each(['', '&&', 'A &&', '(A', 'A || || B', '!', '= y', 'A = '])('%j is no expression', (text) => {
  expect(parseExpression(text)).toBeUndefined()
})

test('ends where the condition or the comment begins', () => {
  expect(parseExpression('A && B if C || D')).toMatchObject({ rest: 'if C || D' })
  expect(parseExpression('A # if not B')).toMatchObject({ expression: { kind: 'symbol', name: 'A' }, rest: '# if not B' })
  expect(parseExpression('IFACE')).toMatchObject({ expression: { name: 'IFACE' }, rest: '' })
})

test('shows the values found', () => {
  expect(show(parse('VFIO_GROUP || (Y && !GENERIC_ATOMIC64)'), config)).toBe('VFIO_GROUP (=n) || (Y (=y) && !GENERIC_ATOMIC64 (=n))')
  expect(show(parse('!(A || B) && COUNT >= 9'), config)).toBe('!(A (=n) || B (=n)) && COUNT (=64) >= 9')
  expect(show(parse('$(cc-option,-mx) || NAME = "y z"'), config)).toBe('$(cc-option,-mx) || NAME (="x86") = "y z"')
})

test('splits what must all hold', () => {
  expect(conjuncts(parse('A && (B || C) && !D')).map((part) => show(part, {}))).toEqual(['A (=n)', 'B (=n) || C (=n)', '!D (=n)'])
})

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('A', 'B', 'C').map((name): Expression => ({ kind: 'symbol', name })),
    tie('expression').map((operand): Expression => ({ kind: 'not', operand })),
    fc.tuple(fc.constantFrom('and' as const, 'or' as const), tie('expression'), tie('expression')).map(([kind, left, right]): Expression => ({ kind, left, right })),
  ),
}))
const values = fc.record({ A: fc.constantFrom('y', 'm', 'n'), B: fc.constantFrom('y', 'm', 'n'), C: fc.constantFrom('y', 'm', 'n') })

test('what is shown means the same when read again', () => {
  fc.assert(fc.property(expression, values, (wanted, found) => {
    const again = parse(show(wanted, found).replace(/ \(=[ymn]\)/g, ''))
    expect(evaluate(again, found)).toBe(evaluate(wanted, found))
  }))
})

test('any text is read or refused', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('A', ' ', '(', ')', '!', '&&', '||', '=', '<', '"', "'", '$(', '\\', 'if', '#', 'y') }), (text) => {
    const parsed = parseExpression(text)
    if (parsed !== undefined) expect([0, 1, 2, undefined]).toContain(evaluate(parsed.expression, {}))
  }))
})
