import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineSplitter } from '../../../orchestrator/host/line-splitter.ts'

const split = (chunks: readonly Buffer[], maxChars?: number): string[] => {
  const lines: string[] = []
  const splitter = lineSplitter((line) => lines.push(line), maxChars)
  for (const chunk of chunks) splitter.push(chunk)
  splitter.end()
  return lines
}

test('however the bytes are cut, the lines are the same', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '\r', '\r\n') })
  fc.assert(fc.property(text, fc.array(fc.nat({ max: 40 })), (whole, cuts) => {
    const bytes = Buffer.from(whole)
    const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
    const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
    const expected = whole.split(/\r\n|\n|\r/)
    if (expected.at(-1) === '') expected.pop()
    expect(split(chunks)).toEqual(expected)
  }))
})

test('a line that is too long loses its end, the next line is whole', () => {
  expect(split([Buffer.from('x'.repeat(50)), Buffer.from(`${'y'.repeat(50)}\nnext\n`)], 60)).toEqual(['x'.repeat(50) + 'y'.repeat(10), 'next'])
})
