import { expect, test } from 'vitest'
import { msix, pcie, privateMemory, register32, register64, type Bar, type Device } from '../../../../../images/devices/vfio-user/device.ts'
import { placeBars } from '../../../../../images/devices/vfio-user/device/bar.ts'
import { RunningDevice } from '../../../../../images/devices/vfio-user/device/running-device.ts'

const ignore = () => undefined
const running = (device: Omit<Device, 'ids'>) =>
  new RunningDevice({ ids: { vendor: 0x1234, device: 1 }, ...device }, { dma: ignore, reset: ignore, error: ignore, line: ignore })

test('each BAR gets the first index that is free, or its own', () => {
  const bars = placeBars([{ size: 64, index: 1 }, { size: 64 }, { size: 2 ** 36, kind: 'memory64' }, { size: 32, kind: 'io' }])
  expect(bars.map(({ index }) => index)).toEqual([1, 0, 2, 4])
})

test.each<[string, readonly Bar[]]>([
  ['no power of two', [{ size: 3000 }]],
  ['smaller than PCI has them', [{ size: 8 }]],
  ['larger than its address', [{ size: 2 ** 32 }]],
  ['one too many', [{ size: 64, kind: 'memory64' }, { size: 64, kind: 'memory64' }, { size: 64, kind: 'memory64' }, { size: 64 }]],
  ['of 64 bits at the last index', [{ size: 64, kind: 'memory64', index: 5 }]],
  ['two at one index', [{ size: 64, index: 0 }, { size: 64, index: 0 }]],
  ['with a register outside', [{ size: 16, registers: [register32(16, {})] }]],
  ['with two registers at one place', [{ size: 64, registers: [register64(0, {}), register32(4, {})] }]],
  ['mapped without a file', [{ size: 4096, memory: privateMemory(new Uint8Array(4096)), mmap: 'all' }]],
])('BARs that are %s are refused', (_, bars) => {
  expect(() => running({ bars })).toThrow(RangeError)
})

test('an MSI-X table gets a BAR that it fits into, or must fit into the one that there is', () => {
  expect(running({ capabilities: [msix({ vectors: 2048, bar: 3 })] }).region(3)?.size).toBe(0x10000)
  expect(running({ capabilities: [msix({ vectors: 1, bar: 0 })], bars: [{ size: 0x1000 }] }).region(0)?.size).toBe(0x1000)
  expect(() => running({ capabilities: [msix({ vectors: 1, bar: 0 })], bars: [{ size: 0x800 }] })).toThrow(/outside of BAR 0/)
})

test('a device without messages has INTx, unless it says otherwise', () => {
  expect(running({}).interrupts.info(0).count).toBe(1)
  expect(running({ intx: false }).interrupts.info(0).count).toBe(0)
  expect(running({ capabilities: [pcie(), msix({ vectors: 7, bar: 0 })] }).interrupts.info(0).count).toBe(0)
  expect(running({ capabilities: [msix({ vectors: 7, bar: 0 })] }).interrupts.info(2).count).toBe(7)
})
