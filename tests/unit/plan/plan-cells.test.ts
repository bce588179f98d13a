import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planCells } from '../../../orchestrator/plan/plan-cells.ts'
import { labOf } from './made-up-lab.ts'

const lab = labOf(['debian', 'tree-7.2'], ['noiommu', 'no-container', 'iommufd'], ['none', 'intel', 'intel-scalable', 'virtio'])
const ids = (filter: Parameters<typeof planCells>[1]) => planCells(lab, filter).cells.map(({ id }) => id)

describe('cells', () => {
  test('are the product of kernels, configs and machines in the order of the config', () => {
    expect(ids({})).toHaveLength(24)
    expect(ids({}).slice(0, 5)).toEqual(['debian/noiommu/none', 'debian/noiommu/intel', 'debian/noiommu/intel-scalable', 'debian/noiommu/virtio', 'debian/no-container/none'])
  })

  test.each([
    [{ machine: 'intel' }, 6],
    [{ machine: 'intel*' }, 12],
    [{ machine: '{none,virtio}', config: 'no*' }, 8],
    [{ kernel: 'debian', config: 'iommufd', machine: 'none' }, 1],
    [{ kernel: 'tree-*' }, 12],
  ])('%j leaves %d', (filter, count) => {
    expect(ids(filter)).toHaveLength(count)
  })

  test.each([
    [{ machine: 'itel' }, 'no machine matches itel; did you mean intel?'],
    [{ config: 'iommfd' }, 'no config matches iommfd; did you mean iommufd?'],
    [{ kernel: 'fedora-*' }, 'no kernel matches fedora-*; there are debian, tree-7.2'],
    [{ machine: '' }, 'no machine matches ; there are none, intel, intel-scalable, virtio'],
  ])('%j is the user\'s mistake', (filter, message) => {
    expect(() => ids(filter)).toThrow(expect.objectContaining({ kind: 'yours', code: 'UNKNOWN_NAME', message }))
  })

  test('that the config excludes are listed with its reason, the first that matches', () => {
    const excluding = labOf(['debian'], ['noiommu', 'iommufd'], ['none', 'intel'], [
      { config: 'iommufd', machine: 'none', because: 'no device can exist' },
      { machine: 'none', because: 'too dull' },
    ])
    expect(planCells(excluding)).toMatchObject({
      cells: [{ id: 'debian/noiommu/intel' }, { id: 'debian/iommufd/intel' }],
      excluded: [{ id: 'debian/noiommu/none', because: 'too dull' }, { id: 'debian/iommufd/none', because: 'no device can exist' }],
    })
    expect(() => planCells(excluding, { machine: 'none' })).toThrow(/no cell is left: the config excludes debian\/noiommu\/none \(too dull\)/)
  })
})

describe('shards', () => {
  test('part the cells: each is in exactly one, and no shard is much larger than another', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 24 }), (count) => {
      const shards = Array.from({ length: count }, (_, index) => ids({ shard: { index: index + 1, count } }))
      expect(shards.flat()).toEqual(ids({}))
      const sizes = shards.map((shard) => shard.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }))
  })

  test('keep the cells of one kernel build together', () => {
    const shards = [1, 2, 3, 4, 5, 6].map((index) => new Set(ids({ shard: { index, count: 6 } }).map((id) => id.split('/').slice(0, 2).join('/'))))
    expect(shards.map((builds) => builds.size)).toEqual([1, 1, 1, 1, 1, 1])
  })

  test('that are empty are the user\'s mistake', () => {
    expect(() => ids({ kernel: 'debian', config: 'iommufd', shard: { index: 1, count: 9 } })).toThrow(/shard 1\/9 of 4 cells is empty/)
  })
})
