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

test('a file that only the kernel still has is told; one whose descriptor is open is told as that', () => {
  const now = { ...takeInventory([]), wholeGuest: { files: 70 } }
  const more = { ...now, wholeGuest: { files: 72 } }
  expect(leftovers(now, more)).toEqual(['2 files are still open, though nobody has a descriptor'])
  expect(leftovers(more, now)).toEqual([])
  const fd = [...now.fds][0] ?? 0
  expect(leftovers({ ...now, fds: new Set([...now.fds].filter((each) => each !== fd)) }, more)).toEqual([expect.stringMatching(`^fd ${fd} `)])
})

test('a reference to a module that nobody gave back is told, and a module that is gone', () => {
  const now = takeInventory([])
  const before = { ...now, moduleUses: new Map([['vfio', 0], ['vfio_pci', 0], ['iommufd', 1]]) }
  expect(leftovers(before, { ...now, moduleUses: new Map([['vfio', 2], ['iommufd', 0]]) })).toEqual([
    'the module vfio_pci is not loaded any more', '2 references to the module vfio are still held',
  ])
  expect(leftovers(before, before)).toEqual([])
})
