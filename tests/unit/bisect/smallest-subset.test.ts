import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StateVerdict } from '../../../orchestrator/bisect/lab-state.ts'
import { smallestSubset } from '../../../orchestrator/bisect/smallest-subset.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Counts how often it was asked. */
const tester = (isBad: (subset: readonly number[]) => boolean, otherwise: StateVerdict = 'good') => {
  const asked: (readonly number[])[] = []
  return {
    asked,
    test: (subset: readonly number[]): Promise<StateVerdict> => {
      asked.push(subset)
      return Promise.resolve(isBad(subset) ? 'bad' : otherwise)
    },
  }
}

test('when some elements must be there together, exactly these are found, wherever they are', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 60 }).chain((count) => fc.tuple(fc.constant(count), fc.subarray(numbers(count), { minLength: 1, maxLength: Math.min(4, count) }))), async ([count, culprits]) => {
    const { test: isBad } = tester((subset) => culprits.every((culprit) => subset.includes(culprit)))
    expect(await smallestSubset(numbers(count), isBad)).toEqual(culprits.toSorted((a, b) => a - b))
  }))
})

test('of whatever else is bad, no single element of the answer can be left out, and the answer is bad', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer(), async (count, seed) => {
    // As good as random, and the same for the same subset.
    const isBad = (subset: readonly number[]) => subset.length === count || (subset.length > 0 && Math.abs(Math.sin(seed + subset.reduce((sum, item) => sum * 31 + item + 1, 7))) < 0.4)
    const found = await smallestSubset(numbers(count), tester(isBad, 'skip').test)
    expect(isBad(found)).toBe(true)
    if (found.length > 1) for (const left of found) expect(isBad(found.filter((item) => item !== left))).toBe(false)
  }))
})

test('one culprit among many costs about two questions a halving', async () => {
  const { asked, test: isBad } = tester((subset) => subset.includes(37))
  const sizes: number[] = []
  expect(await smallestSubset(numbers(64), isBad, (subset) => sizes.push(subset.length))).toEqual([37])
  expect(asked.length).toBeLessThanOrEqual(12)
  expect(sizes).toEqual([32, 16, 8, 4, 2, 1])
})

test('what is thrown while a subset is judged ends the search', async () => {
  await expect(smallestSubset(numbers(4), () => Promise.reject(new Error('no disk')))).rejects.toThrow('no disk')
})
