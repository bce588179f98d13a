import { beforeAll, expect, test } from 'vitest'
import { clearLeftovers, takeInventory } from '../../../guest-agent/case/leftovers.ts'
import { PciDevice, VFIO_PCI } from '../../../guest-agent/pci/pci-device.ts'
import { loadLibc } from '../../../guest-agent/sys/libc.ts'

beforeAll(loadLibc)

test('a device that a case made vanish cannot be bound again, which is no end of the agent', async () => {
  const gone = new PciDevice('ffff:ff:1f.7', 'edu')
  const before = { ...takeInventory([]), drivers: new Map([[gone, VFIO_PCI]]) }
  await clearLeftovers(before)
  expect(gone.driver).toBeUndefined()
})
