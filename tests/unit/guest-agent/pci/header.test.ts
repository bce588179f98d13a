import fc from 'fast-check'
import { expect, test } from 'vitest'
import { capabilityAt, capabilityChain, interruptsOf, isExpress, msixTable } from '../../../../guest-agent/pci/header.ts'

/** Config space with capabilities at these places, chained in this order. */
const configSpace = (capabilities: readonly (readonly [number, number])[]): Uint8Array => {
  const bytes = new Uint8Array(256)
  bytes[0x06] = capabilities.length === 0 ? 0 : 0x10
  let pointer = 0x34
  for (const [at, id] of capabilities) {
    bytes[pointer] = at
    bytes[at] = id
    pointer = at + 1
  }
  return bytes
}

const chainOf = (bytes: Uint8Array) => capabilityChain((offset) => bytes[offset] ?? 0)

test('the chain is walked in its own order, whatever that is', () => {
  const places = fc.uniqueArray(fc.integer({ min: 0x10, max: 0x3f }).map((dword) => dword * 4), { maxLength: 12 })
  fc.assert(fc.property(places, fc.integer({ min: 1, max: 255 }), (offsets, id) => {
    const capabilities = offsets.map((at) => [at, id] as const)
    expect(chainOf(configSpace(capabilities))).toEqual(capabilities)
  }))
})

test('a device that says it has no capabilities has none, whatever the pointer says', () => {
  const bytes = configSpace([[0x40, 5]])
  bytes[0x06] = 0
  expect(chainOf(bytes)).toEqual([])
})

test('the reserved bits of a pointer do not count', () => {
  const bytes = configSpace([[0x40, 5], [0x60, 1]])
  bytes[0x34] = 0x43
  bytes[0x41] = 0x61
  expect(chainOf(bytes)).toEqual([[0x40, 5], [0x60, 1]])
})

test('a chain that runs in a circle or into the header is an error', () => {
  const circle = configSpace([[0x40, 5], [0x60, 1]])
  circle[0x61] = 0x40
  expect(() => chainOf(circle)).toThrow('0x40')
  const header = configSpace([[0x40, 5]])
  header[0x41] = 0x10
  expect(() => chainOf(header)).toThrow('0x10')
})

const byteOf = (bytes: Uint8Array) => (offset: number) => bytes[offset] ?? 0
const [MSI, EXPRESS, MSIX] = [0x05, 0x10, 0x11]

test('a device without pin and capabilities has no interrupt and is not of PCI Express', () => {
  const byte = byteOf(configSpace([]))
  expect(interruptsOf(byte)).toEqual({ intx: 0, msi: 0, msix: 0 })
  expect([isExpress(byte), msixTable(byte), capabilityAt(byte, MSI)]).toEqual([false, undefined, undefined])
})

test('interrupts are counted by pin, by the messages that MSI can have, by the size of the table of MSI-X', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 2048 }), (pin, messages, vectors) => {
    const bytes = configSpace([[0x40, MSI], [0x50, EXPRESS], [0x60, MSIX]])
    bytes[0x3d] = pin
    bytes[0x42] = messages << 1
    new DataView(bytes.buffer).setUint16(0x62, 0x8000 | (vectors - 1), true)
    expect(interruptsOf(byteOf(bytes))).toEqual({ intx: Math.min(pin, 1), msi: 2 ** messages, msix: vectors })
    expect(isExpress(byteOf(bytes))).toBe(true)
  }))
})

test('the table of MSI-X is told by its BAR and its offset there, of up to 32 bits', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 0x1fff_ffff }), (bar, eighths) => {
    const bytes = configSpace([[0x70, MSIX]])
    new DataView(bytes.buffer).setUint32(0x74, eighths * 8 + bar, true)
    expect(msixTable(byteOf(bytes))).toEqual({ bar, offset: eighths * 8 })
  }))
})
