import fc from 'fast-check'
import { expect, test } from 'vitest'
import { capabilityChain } from '../../../../guest-agent/pci/header.ts'

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
