import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Layout } from '../../../guest-agent/uapi/struct.ts'

const layout = new Layout('some_struct', { size: 'u32', op: 'u16', small: 'u8', big: 'u64', signed: 's32' })

test('fields lie at their natural alignment and the struct is padded to its widest field', () => {
  expect([...layout.places.values()].map(({ offset }) => offset)).toEqual([0, 4, 6, 8, 16])
  expect(layout.size).toBe(24)
})

test('what is written is read, and bytes around it stay as they were', () => {
  fc.assert(fc.property(
    fc.record({ op: fc.nat(0xffff), small: fc.nat(0xff), big: fc.bigInt(0n, (1n << 64n) - 1n), signed: fc.integer() }),
    (values) => {
      const struct = layout.make(values)
      const { op, small, big, signed } = values
      expect([struct.get('op'), struct.get('small'), struct.get('big'), struct.get('signed')]).toEqual([op, small, big, signed])
      expect(layout.at(struct.bytes).get('big')).toBe(big)
      expect(struct.bytes[7]).toBe(0)
    },
  ))
})

test('the length field is the whole buffer unless it is given', () => {
  expect(layout.make().get('size')).toBe(24)
  expect(layout.make({}, { tail: 8 }).get('size')).toBe(32)
  expect(layout.make({}, { bytes: 64 }).get('size')).toBe(64)
  expect(layout.make({ size: 4 }).bytes.byteLength).toBe(24)
  expect(layout.make({ size: 4 }).get('size')).toBe(4)
})

test('a description names what was given and what is not zero, and numbers of 64 bits in hex', () => {
  expect(layout.make({ op: 0, big: 4096n }).describe()).toBe('op 0, big 0x1000')
  expect(layout.make({ size: 8 }).describe()).toBe('size 8')
})

test('bytes that are too few for a struct are refused', () => {
  expect(() => layout.at(new Uint8Array(23))).toThrow('some_struct needs 24 bytes')
})
