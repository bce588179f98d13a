import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../../../../images/devices/vfio-user/wire/errors.ts'
import { MAX_DATA_BYTES } from '../../../../../images/devices/vfio-user/wire/message.ts'
import { payloads } from '../../../../../images/devices/vfio-user/wire/payloads.ts'
import { agree, versionReply } from '../../../../../images/devices/vfio-user/wire/version.ts'

const proposal = (text: string, major = 0, minor = 0) => Buffer.concat([payloads.version.make({ major, minor }).bytes, Buffer.from(text)])
const capabilities = (value: unknown) => proposal(`${JSON.stringify({ capabilities: value })}\0`)

test('what the client offers is taken as far as this side goes', () => {
  expect(agree(proposal(''))).toEqual({ minor: 0, maxDataBytes: MAX_DATA_BYTES, maxFds: 1, writeMultiple: false })
  expect(agree(capabilities({ max_msg_fds: 8, max_data_xfer_size: 4096, write_multiple: true, pgsizes: 4096, other: {} })))
    .toEqual({ minor: 0, maxDataBytes: 4096, maxFds: 8, writeMultiple: true })
  expect(agree(capabilities({ max_msg_fds: 1000, max_data_xfer_size: 2 ** 40 }))).toMatchObject({ maxDataBytes: MAX_DATA_BYTES, maxFds: 16 })
  expect(agree(proposal('', 0, 7)).minor).toBe(0)
})

test('the reply offers nothing that the client did not, and ends with NUL', () => {
  const reply = Buffer.concat(versionReply(agree(proposal(''))))
  expect(reply.at(-1)).toBe(0)
  expect(JSON.parse(reply.subarray(4, -1).toString())).toEqual({ capabilities: { max_msg_fds: 1, max_data_xfer_size: MAX_DATA_BYTES } })
})

test.each([
  ['no room for its numbers', Buffer.alloc(3)],
  ['another major version', proposal('', 1)],
  ['text without its NUL', proposal('{}')],
  ['a NUL in the middle', proposal('{}\0{}\0')],
  ['no JSON', proposal('{\0')],
  ['no UTF-8', Buffer.concat([proposal(''), Buffer.from([0xff, 0])])],
  ['a limit that is none', capabilities({ max_data_xfer_size: -1 })],
  ['more than anybody has to say', proposal(`"${'x'.repeat(70_000)}"\0`)],
])('%s ends the connection', (_, payload) => {
  expect(() => agree(payload)).toThrow(ProtocolError)
})

test('garbage is refused or taken, never a crash', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
    try {
      expect(agree(payload).maxDataBytes).toBeLessThanOrEqual(MAX_DATA_BYTES)
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError)
    }
  }))
})
