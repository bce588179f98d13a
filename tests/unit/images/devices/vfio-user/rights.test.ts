import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CONTROL_BYTES, decodeRights, encodeRights } from '../../../../../images/devices/vfio-user/socket/rights.ts'

test('descriptors come out of ancillary data as they went in', () => {
  fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 253 }), (fds) => {
    const control = encodeRights(fds)
    expect(control.byteLength).toBeLessThanOrEqual(CONTROL_BYTES)
    expect(decodeRights(control)).toEqual(fds)
  }))
})

test('garbage in its place is read to its end at most', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (control) => {
    expect(decodeRights(control).length).toBeLessThanOrEqual(control.byteLength / 4)
  }))
})
