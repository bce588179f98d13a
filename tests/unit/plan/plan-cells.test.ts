import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ResolvedConfig } from '../../../orchestrator/config/resolved-config.ts'
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

describe('prebuilt kernels', () => {
  const mixed = (patched: boolean): ResolvedConfig => ({
    ...lab,
    kernels: [...lab.kernels, {
      name: patched ? 'distro+patched' : 'distro',
      source: { kind: 'debian-image', packageGlob: 'linux-image-*-amd64' },
      patches: patched ? [{ title: 'a patch', text: '' }] : [],
    }],
  })
  const idsOf = (config: ResolvedConfig, filter: Parameters<typeof planCells>[1] = {}) => planCells(config, filter).cells.map(({ id }) => id)

  test('have one config, their own, on every machine', () => {
    expect(idsOf(mixed(false), { kernel: 'distro' })).toEqual(['distro/own/none', 'distro/own/intel', 'distro/own/intel-scalable', 'distro/own/virtio'])
    expect(idsOf(mixed(false))).toHaveLength(28)
    expect(idsOf(mixed(false), { config: 'own', machine: 'none' })).toEqual(['distro/own/none'])
    expect(idsOf(mixed(false), { config: 'iommufd', machine: 'none' })).toEqual(['debian/iommufd/none', 'tree-7.2/iommufd/none'])
    expect(planCells({ ...mixed(false), exclude: [{ config: 'own', machine: 'virtio', because: 'slow' }] }, { config: 'own' })).toMatchObject({
      cells: [{}, {}, {}], excluded: [{ id: 'distro/own/virtio', because: 'slow' }],
    })
  })

  test('cannot be had with a config of the lab, nor others with theirs', () => {
    expect(() => idsOf(mixed(false), { kernel: 'distro', config: 'iommufd' })).toThrow(expect.objectContaining({
      kind: 'yours', code: 'NO_CELLS', message: 'no cell is left: distro has no config iommufd', hint: 'its configs are own',
    }))
    expect(() => idsOf(mixed(false), { kernel: 'debian', config: 'own' })).toThrow(/debian has no config own/)
    expect(() => ids({ config: 'own' })).toThrow(/no config matches own/)
    expect(() => idsOf({ ...lab, configs: [] })).toThrow(/no cell is left: debian, tree-7.2 must be built, and the config's `configs` is empty/)
  })

  test('cannot be patched', () => {
    const refusal = expect.objectContaining({ kind: 'yours', code: 'PREBUILT_KERNEL', message: 'distro is a prebuilt kernel: it cannot be patched' }) as unknown
    expect(() => idsOf(mixed(true))).toThrow(refusal)
    expect(() => idsOf(mixed(true), { kernel: 'distro' })).toThrow(refusal)
    expect(idsOf(mixed(true), { kernel: 'debian', config: 'iommufd', machine: 'none' })).toEqual(['debian/iommufd/none'])
  })
})
