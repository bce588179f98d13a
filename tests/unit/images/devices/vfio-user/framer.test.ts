import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../../../../images/devices/vfio-user/wire/errors.ts'
import { Framer } from '../../../../../images/devices/vfio-user/wire/framer.ts'
import { encodeMessage, HEADER_BYTES, MAX_MESSAGE_BYTES } from '../../../../../images/devices/vfio-user/wire/message.ts'

const message = fc.record({
  id: fc.nat(0xffff),
  command: fc.nat(0xffff),
  reply: fc.boolean(),
  posted: fc.boolean(),
  errno: fc.option(fc.nat(0xffff_ffff), { nil: undefined }),
  payload: fc.uint8Array({ maxLength: 300 }),
  fds: fc.array(fc.integer({ min: 3, max: 1000 }), { maxLength: 3 }),
})

/**
 * The stream as the kernel gives it: cut anywhere, but a piece that brought descriptors ends its chunk, and they come with the first of
 * its bytes that is read.
 */
const chunksOf = (messages: readonly { readonly bytes: Uint8Array; readonly fds: readonly number[] }[], cuts: readonly number[]) => {
  const chunks: { bytes: Uint8Array; fds: readonly number[] }[] = []
  let open: number[] = []
  const close = (fds: readonly number[] = []) => {
    if (open.length > 0) chunks.push({ bytes: Uint8Array.from(open), fds })
    open = []
  }
  let cut = 0
  for (const { bytes, fds } of messages) {
    let told = fds.length === 0
    for (const [at, byte] of bytes.entries()) {
      open.push(byte)
      const here = open.length >= (cuts[cut % cuts.length] ?? 1) || at === bytes.length - 1 && fds.length > 0
      if (!here) continue
      close(told ? [] : fds)
      told = true
      cut += 1
    }
  }
  close()
  return chunks
}

describe('a stream of messages', () => {
  test('comes out as it went in, with each descriptor at its message, wherever it is cut', () => {
    fc.assert(fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }), (messages, cuts) => {
      const framer = new Framer()
      const sent = messages.map(({ payload, fds, ...header }) => ({ bytes: encodeMessage(header, payload), fds }))
      const got = chunksOf(sent, cuts).flatMap(({ bytes, fds }) => [...framer.push(bytes, fds)])
      expect(got).toEqual(messages.map(({ payload, ...rest }) => ({ ...rest, payload, size: HEADER_BYTES + payload.byteLength })))
      expect(framer.abandon()).toEqual([])
    }))
  })

  test('that is garbage ends in a ProtocolError or waits for more, and no descriptor is lost', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.array(fc.integer({ min: 3, max: 1000 }), { maxLength: 3 })), { maxLength: 10 }), (chunks) => {
      const framer = new Framer()
      const handedOut: number[] = []
      const came: number[] = []
      try {
        for (const [bytes, fds] of chunks) {
          came.push(...fds)
          for (const each of framer.push(bytes, fds)) handedOut.push(...each.fds)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
      expect([...handedOut, ...framer.abandon()].toSorted()).toEqual(came.toSorted())
    }))
  })
})

describe('a header', () => {
  const withSize = (size: number, flags = 0) => {
    const bytes = encodeMessage({ id: 1, command: 9 })
    new DataView(bytes.buffer).setUint32(4, size, true)
    new DataView(bytes.buffer).setUint32(8, flags, true)
    return bytes
  }

  test.each([
    ['says less than itself', withSize(HEADER_BYTES - 1)],
    ['says more than any message has', withSize(MAX_MESSAGE_BYTES + 1)],
    ['is neither command nor reply', withSize(HEADER_BYTES, 2)],
    ['has flags that nobody knows', withSize(HEADER_BYTES, 0x40)],
  ])('that %s ends the connection', (_, bytes) => {
    expect(() => [...new Framer().push(bytes)]).toThrow(ProtocolError)
  })
})

test('more descriptors than a message can need end the connection, and are not lost', () => {
  const framer = new Framer()
  const fds = Array.from({ length: 65 }, (_, index) => index)
  expect(() => [...framer.push(encodeMessage({ id: 1, command: 2 }), fds)]).toThrow(/65 descriptors/)
  expect(framer.abandon()).toEqual(fds)
})
