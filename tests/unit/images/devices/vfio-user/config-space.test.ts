import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { capabilityChain } from '../../../../../guest-agent/pci/header.ts'
import { ats, msi, msix, pasid, pcie, pm, serialNumber, vendorSpecific } from '../../../../../images/devices/vfio-user/pci/capabilities.ts'
import { ConfigSpace } from '../../../../../images/devices/vfio-user/pci/config-space.ts'

const ids = { vendor: 0x1234, device: 0x11eb }
const bars = [
  { index: 0, kind: 'memory', prefetchable: false, size: 4096 },
  { index: 2, kind: 'memory64', prefetchable: true, size: 2 ** 36 },
  { index: 4, kind: 'io', prefetchable: false, size: 32 },
] as const
const all = [pm(), msi({ vectors: 4 }), msix({ vectors: 8, bar: 0 }), pcie({ tlpPrefix: true }), vendorSpecific(Uint8Array.of(1, 2, 3, 4)), ats(), pasid(), serialNumber(7n)]
const full = () => new ConfigSpace({ ids, bars, capabilities: all, intx: true })
const view = (config: ConfigSpace) => new DataView(config.read(0, 4096).buffer)
const write32 = (config: ConfigSpace, offset: number, value: number) => { config.write(offset, new Uint8Array(new Uint32Array([value]).buffer)) }

describe('config space', () => {
  test('has a chain of its capabilities that a driver can follow', () => {
    const bytes = view(full())
    expect(capabilityChain((offset) => bytes.getUint8(offset)).map(([, id]) => id)).toEqual([0x01, 0x05, 0x11, 0x10, 0x09])
    const extended: number[] = []
    for (let at = 0x100; at !== 0; at = bytes.getUint32(at, true) >>> 20) extended.push(bytes.getUint16(at, true))
    expect(extended).toEqual([0x0f, 0x1b, 0x03])
  })

  test('of a device without capabilities says so', () => {
    const bytes = view(new ConfigSpace({ ids, bars: [], capabilities: [], intx: false }))
    expect([bytes.getUint16(6, true), bytes.getUint8(0x34), bytes.getUint32(0x100, true)]).toEqual([0, 0, 0])
    expect(bytes.getUint32(0, true)).toBe(0x11eb_1234)
  })

  test('tells the size of each BAR to whoever writes ones to it', () => {
    const config = full()
    for (let at = 0x10; at < 0x28; at += 4) write32(config, at, 0xffff_ffff)
    const bytes = view(config)
    expect([0, 1, 2, 3, 4, 5].map((bar) => bytes.getUint32(0x10 + bar * 4, true))).toEqual([0xffff_f000, 0, 0x0000_000c, 0xffff_fff0, 0xffff_ffe1, 0])
  })

  test('keeps what may be written and nothing else, whatever is written where, and a reset takes it back', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(4095), fc.uint8Array({ minLength: 1, maxLength: 8 })), { maxLength: 40 }), (writes) => {
      const config = full()
      const fresh = config.read(0, 4096)
      for (const [offset, bytes] of writes) config.write(offset, bytes.subarray(0, 4096 - offset))
      const written = view(config)
      expect([written.getUint32(0, true), written.getUint32(8, true), written.getUint8(0x34), written.getUint16(6, true)]).toEqual([0x11eb_1234, 0x00ff_0000, 0x40, 0x10])
      expect(capabilityChain((offset) => written.getUint8(offset)).length).toBe(5)
      expect(written.getUint16(4, true) & ~0x0547).toBe(0)
      config.reset()
      expect(config.read(0, 4096)).toEqual(fresh)
    }))
  })
})

test.each([
  ['extended without PCI Express', [ats()]],
  ['on the same bytes', [pm({ at: 0x50 }), pcie({ at: 0x48 })]],
  ['in the header', [pm({ at: 0x3c })]],
  ['too many for 256 bytes', Array.from({ length: 5 }, () => pcie())],
  ['at an odd place', [pm({ at: 0x42 })]],
])('capabilities that lie %s are refused', (_, capabilities) => {
  expect(() => new ConfigSpace({ ids, bars: [], capabilities, intx: false })).toThrow(RangeError)
})

test.each([
  ['MSI with 3 vectors', () => msi({ vectors: 3 })],
  ['MSI-X with 2049 vectors', () => msix({ vectors: 2049, bar: 0 })],
  ['MSI-X in BAR 6', () => msix({ vectors: 1, bar: 6 })],
  ['a table at an odd place', () => msix({ vectors: 1, bar: 0, table: 4 })],
])('%s is refused', (_, make) => {
  expect(make).toThrow(RangeError)
})
