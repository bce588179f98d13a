import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pciAddress, rootPortAt } from '../../../../guest-agent/pci/pci-address.ts'

test('the address of a root port is one of the root bus, with its slot', () => {
  expect(rootPortAt(10)).toBe('0000:00:0a.0')
  fc.assert(fc.property(fc.integer({ min: 0, max: 31 }), (slot) => {
    expect(pciAddress(rootPortAt(slot))).toEqual({ segment: 0, bus: 0, slot, function: 0 })
  }))
})
