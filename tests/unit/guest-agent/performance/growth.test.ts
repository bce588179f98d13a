import fc from 'fast-check'
import { expect, it } from 'vitest'
import { growth } from '../../../../guest-agent/performance/growth.ts'

it('is what a page costs at both ends, and how these relate', () => {
  expect(growth([{ pages: 512, ns: 102_400 }, { pages: 1, ns: 1000 }, { pages: 16, ns: 9000 }])).toEqual({ fewestNsPerPage: 1000, mostNsPerPage: 200, ratio: 0.2 })
})

const pages = fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2 })
const times = (counts: readonly number[], nsOf: (count: number) => number) => counts.map((count) => ({ pages: count, ns: nsOf(count) }))

it('of a time that every page adds the same to is 1, with a cost of the call less, and more when a page costs the more the more there are', () => {
  fc.assert(fc.property(pages, fc.integer({ min: 1, max: 10_000 }), (counts, each) => {
    expect(growth(times(counts, (count) => count * each)).ratio).toBeCloseTo(1)
    expect(growth(times(counts, (count) => 5000 + count * each)).ratio).toBeLessThan(1)
    expect(growth(times(counts, (count) => count * count * each)).ratio).toBeGreaterThan(1)
  }))
})

it('of one time is none', () => {
  expect(growth([{ pages: 4, ns: 100 }])).toEqual({ fewestNsPerPage: 25, mostNsPerPage: 25, ratio: 1 })
  expect(() => growth([])).toThrow('no time can grow')
})
