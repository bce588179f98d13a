import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Areas } from '../../../../guest-agent/model/areas.ts'
import { EVERYTHING } from '../../../../guest-agent/model/ranges.ts'

const piece = (address: bigint, length: bigint, writable = true) => ({ address, length, writable })

test('however an area is split, the same memory lies behind the same IOVAs', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 98 })), fc.nat(99), fc.nat(99), (cuts, one, other) => {
    const areas = new Areas()
    areas.insert([piece(5000n, 100n)], 1000n)
    for (const cut of cuts) {
      const at = 1000n + BigInt(cut)
      const area = areas.first({ start: at, last: at })
      if (area !== undefined && area.last !== at) areas.split(area, at)
    }
    expect(areas.all.length).toBe(cuts.length + 1)
    const [from, to] = [BigInt(Math.min(one, other)), BigInt(Math.max(one, other))]
    const pieces = areas.pieces({ start: 1000n + from, last: 1000n + to }) ?? []
    expect(pieces[0]?.address).toBe(5000n + from)
    expect(pieces.reduce((end, { address, length }) => (address === end ? address + length : -1n), 5000n + from)).toBe(5000n + to + 1n)
    expect(areas.remove(EVERYTHING)).toEqual({ bytes: 100n, stopped: false })
  }))
})

test('a hole has nothing behind it', () => {
  const areas = new Areas()
  areas.insert([piece(0n, 10n)], 100n)
  areas.insert([piece(50n, 10n, false)], 120n)
  expect(areas.pieces({ start: 105n, last: 125n })).toBeUndefined()
  expect(areas.pieces({ start: 95n, last: 105n })).toBeUndefined()
  expect(areas.pieces({ start: 129n, last: 130n })).toBeUndefined()
  areas.insert([piece(200n, 10n)], 110n)
  expect(areas.pieces({ start: 105n, last: 125n })).toEqual([piece(5n, 5n), piece(200n, 10n), piece(50n, 6n, false)])
})

test('an area that is partly inside stops what is taken away below it no more', () => {
  const areas = new Areas()
  areas.insert([piece(0n, 10n), piece(0n, 10n), piece(0n, 10n)], 100n)
  expect(areas.remove({ start: 105n, last: 129n })).toEqual({ bytes: 0n, stopped: true })
  expect(areas.remove({ start: 90n, last: 115n })).toEqual({ bytes: 10n, stopped: true })
  expect(areas.all.map(({ start }) => start)).toEqual([110n, 120n])
})
