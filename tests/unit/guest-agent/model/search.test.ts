import { describe, expect, test } from 'vitest'
import type { Call } from '../../../../guest-agent/model/calls.ts'
import { failureText } from '../../../../guest-agent/model/failure.ts'
import { IommufdModel, type ModelFacts } from '../../../../guest-agent/model/iommufd-model.ts'
import { LAST_IOVA } from '../../../../guest-agent/model/ranges.ts'
import { search, type SearchResult } from '../../../../guest-agent/model/search.ts'
import { type Bend, fakeKernel } from './fake-kernel.ts'

const PAGE = 4096n
const FACTS: ModelFacts = { address: 0x7f00_0001_0000n, largestAlignment: 1n << 21n }
const DEVICE = { id: 1, alignment: PAGE, unreachable: [{ start: 1n << 48n, last: LAST_IOVA }], reserved: [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }] }

interface Searched extends SearchResult {
  readonly message: string
}

const searched = async (seed: number, bend?: Bend, { withDevice = false, searchMs = 5000 } = {}): Promise<Searched> => {
  const facts = withDevice ? { ...FACTS, device: DEVICE } : FACTS
  const result = await search({
    seed, searchMs, shrinkMs: 5000, withDevice, signal: new AbortController().signal,
    open: () => ({ model: new IommufdModel(facts), kernel: fakeKernel(facts, bend), close: () => undefined }),
  })
  return { ...result, message: result.found === undefined ? '' : failureText({ ...result.found, afterMs: 0 }, { caseId: 'model/ioas', withDevice }) }
}

/** Copies of a part of a mapping are a page too short. */
const shortCopy = (call: Call): Call => (call.op === 'copy' && call.length > PAGE ? { ...call, length: call.length - PAGE } : call)

/** As tests/bugs/13-area-split-stops-at-hole.patch has it. */
const unsplit: Bend = (call, { objects, compat = 0 }) => {
  const table = objects.table(compat)
  if (call.op !== 'unmap-dma' || call.iova === 0n || table?.splits !== true) return call
  const at = (iova: bigint) => table.areas.first({ start: iova, last: iova })
  const isSplit = at(call.iova + call.length - 1n) === undefined && at(call.iova - 1n)?.last !== call.iova - 1n && at(call.iova - 1n) !== undefined
  return isSplit ? { op: 'unmap', ioas: compat, iova: call.iova, length: call.length } : call
}

describe('a kernel that does as the model', () => {
  test.each([false, true])('differs nowhere (with a device: %s)', async (withDevice) => {
    const { found, sequences, calls } = await searched(1, undefined, { withDevice, searchMs: 1000 })
    expect(found).toBeUndefined()
    expect(sequences).toBeGreaterThan(50)
    expect(calls).toBeGreaterThan(10 * sequences)
  })
})

describe('a kernel with a bug', () => {
  test.each([1, 1000, 2000, 3000])('is found, and the sequence is as short as it can be (seed %i)', async (seed) => {
    const { found, message } = await searched(seed, shortCopy)
    expect(found?.steps.length).toBeLessThanOrEqual(5)
    expect(message).toContain('copyFrom')
    expect(message.length).toBeLessThan(3500)
  })

  test('the same seed finds the same', async () => {
    const [one, other] = [await searched(5, shortCopy), await searched(5, shortCopy)]
    expect(other.message).toBe(one.message)
    // The seed that the message names finds it in its first round.
    const again = await searched(one.found?.seed ?? 0, shortCopy)
    expect(again.found?.steps.length).toBe(one.found?.steps.length)
    expect(again.sequences).toBeLessThanOrEqual(16)
  })

  test.each([1, 1000, 2000, 3000])('a type1 unmap that ends in a hole and splits nothing at its start is found (seed %i)', async (seed) => {
    const { found, message } = await searched(seed, unsplit)
    expect(found?.steps.length).toBeLessThanOrEqual(6)
    expect(message).toContain('compat.unmapDma(')
  })

  test('a detach that is forgotten is found', async () => {
    const { found, message } = await searched(1, (call) => (call.op === 'detach' ? undefined : call), { withDevice: true })
    expect(found?.steps.length).toBeLessThanOrEqual(8)
    expect(message).toContain("needs: { access: 'cdev', iommu: 'present' }")
  })
})
