import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cleanLine } from '../../../orchestrator/host/clean-text.ts'

test.each([
  ['plain text stays', 'plain text stays'],
  ['a\ttab stays', 'a\ttab stays'],
  ['\u001b[31mred\u001b[0m', 'red'],
  ['\u001b]0;title\u0007after', 'after'],
  ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['\u001bPq#0;data\u001b\\after', 'after'],
  ['\u001b(Bcharset', 'charset'],
  ['\u001bcreset', 'reset'],
  ['\u009b2Jeight bits', 'eight bits'],
  ['bell\u0007 back\u0008space\r', 'bell backspace'],
  ['\u202egnp.exe', 'gnp.exe'],
])('%j becomes %j', (dirty, clean) => {
  expect(cleanLine(dirty)).toBe(clean)
})

test('a line that is too long is cut and says so', () => {
  expect(cleanLine('x'.repeat(20), 10)).toBe(`${'x'.repeat(9)}…`)
})

test('of a line of 100 MB only what is kept is looked at', () => {
  const line = `${'\u001b[1m'.repeat(25 * 2 ** 20)}kept`
  expect(cleanLine(line)).toBe('…')
})

const nasty = fc.string({ unit: fc.constantFrom('\u001b', '[', ']', 'P', '\\', '\u0007', '\u009b', '\u009c', '3', 'm', ';', 'é', '\ud800', '\u202e', '\n', 'x') })

test('whatever comes, what leaves is bounded and has no control character but tab', () => {
  fc.assert(fc.property(nasty, fc.integer({ min: 1, max: 50 }), (text, maxChars) => {
    const clean = cleanLine(text, maxChars)
    expect(clean.length).toBeLessThanOrEqual(maxChars)
    expect(clean).not.toMatch(/(?!\t)\p{Cc}|\u202e/u)
    expect(clean.isWellFormed()).toBe(true)
  }))
})
