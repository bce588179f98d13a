import { beforeAll, expect, test } from 'vitest'
import { clearLeftovers, leftovers, takeInventory } from '../../../guest-agent/case/leftovers.ts'
import { PciDevice, VFIO_PCI } from '../../../guest-agent/pci/pci-device.ts'
import { loadLibc } from '../../../guest-agent/sys/libc.ts'

beforeAll(loadLibc)

test('a device that a case made vanish cannot be bound again, which is no end of the agent', async () => {
  const gone = new PciDevice('ffff:ff:1f.7', 'edu')
  const before = { ...takeInventory([]), drivers: new Map([[gone, VFIO_PCI]]) }
  await clearLeftovers(before)
  expect(gone.driver).toBeUndefined()
})

test('a mediated device that a case made and did not remove is told, one that was there before is not', () => {
  const now = takeInventory([])
  const before = { ...now, mdevs: new Set(['one']) }
  expect(leftovers(before, { ...now, mdevs: new Set(['one', 'two']) })).toEqual(['mdev two is still there'])
  expect(leftovers(before, before)).toEqual([])
})
