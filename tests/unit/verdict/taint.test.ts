import fc from 'fast-check'
import { expect, test } from 'vitest'
import { taintLetters, taintName, taintsShown } from '../../../orchestrator/verdict/taint.ts'

test.each([
  [0, []],
  [1 << 6, ['U']],
  [(1 << 9) | (1 << 7), ['D', 'W']],
  [1 << 12, ['O']],
  [2 ** 31, ['31']],
  [-1, []],
])('the taint mask %d has the letters %j', (mask, letters) => {
  expect(taintLetters(mask)).toEqual(letters)
})

test('every bit has a letter of its own', () => {
  const letters = Array.from({ length: 20 }, (_, bit) => taintLetters(2 ** bit)[0] ?? '')
  expect(new Set(letters).size).toBe(20)
  expect(letters.map(taintName)).not.toContain('unknown')
})

test('as many letters as bits', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (mask) => taintLetters(mask).length === mask.toString(2).replaceAll('0', '').length))
})

test.each([
  ['CPU: 0 UID: 0 PID: 1 Comm: init Tainted: G     U              7.3.0-rc7 #1', ['U']],
  ['CPU: 0 PID: 141 Comm: x Tainted: P        W  OE      6.1.0 #1', ['P', 'W', 'O', 'E']],
  ['CPU: 0 PID: 1 Comm: x Not tainted 7.3.0', []],
  ['Tainted: [U]=USER, [W]=WARN', []],
])('%s', (text, letters) => {
  expect(taintsShown(text)).toEqual(letters)
})
