import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearestName, suggestion } from '../../../orchestrator/host/nearest-name.ts'

describe('the nearest name', () => {
  test.each([
    ['iomufd', ['iommufd', 'noiommu'], 'iommufd'],
    ['NOIOMMU', ['iommufd', 'noiommu'], 'noiommu'],
    ['scal', ['intel', 'intel-scalable'], 'intel-scalable'],
    ['zzzz', ['intel', 'virtio'], undefined],
    ['x', [], undefined],
  ])('to %s of %j is %s', (wrong, known, nearest) => {
    expect(nearestName(wrong, known)).toBe(nearest)
  })

  test('to a right name is itself', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z][a-z-]{0,8}$/), { minLength: 1 }), (known) => {
      for (const name of known) expect(nearestName(name, known)).toBe(name)
    }))
  })
})

test.each([
  ['itel', ['intel'], '; did you mean intel?'],
  ['zzzz', ['intel', 'virtio'], '; there are intel, virtio'],
  ['zzzz', ['intel'], '; there is intel'],
  ['zzzz', [], ''],
])('%s is suggested from %j: %s', (wrong, known, text) => {
  expect(suggestion(wrong, known)).toBe(text)
})
