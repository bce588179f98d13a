import { describe, expect, test } from 'vitest'
import type { Call } from '../../../../guest-agent/model/calls.ts'
import type { Answer } from '../../../../guest-agent/model/expectation.ts'
import { expectationText, settle } from '../../../../guest-agent/model/expectation.ts'
import { IommufdModel } from '../../../../guest-agent/model/iommufd-model.ts'
import { LAST_IOVA } from '../../../../guest-agent/model/ranges.ts'

const PAGE = 4096n
const ADDRESS = 0x7f00_0001_0000n
const DEVICE = { id: 1, alignment: PAGE, unreachable: [{ start: 1n << 39n, last: LAST_IOVA }], reserved: [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }] }

type Said = readonly [call: Call, answer: bigint | string]

/** An errno begins with E; any other text is what ranges() returns. */
const answerOf = (said: bigint | string): Answer => (typeof said === 'string' && said.startsWith('E') ? { errno: said } : { value: said })

/** Every answer is right, and only that one. */
const agrees = (model: IommufdModel, sequence: readonly Said[]) => {
  sequence.forEach(([call, said], index) => {
    const expected = model.step(call)
    expect(settle(expected, answerOf(said)), `${index}: ${call.op} expects ${expectationText(expected)}`).toBe(true)
  })
}

const withoutDevice = (largestAlignment = PAGE) => {
  const model = new IommufdModel({ address: ADDRESS, largestAlignment })
  agrees(model, [[{ op: 'ioas-alloc' }, 1n]])
  return model
}

const withDevice = () => {
  const model = new IommufdModel({ address: ADDRESS, largestAlignment: PAGE, device: DEVICE })
  agrees(model, [[{ op: 'ioas-alloc' }, 2n]])
  return model
}

const map = (page: bigint | undefined, pages: bigint, more: Partial<Extract<Call, { op: 'map' }>> = {}): Call =>
  ({ op: 'map', ioas: 1, offset: 0n, length: pages * PAGE, iova: page === undefined ? undefined : page * PAGE, access: 6, ...more })
const unmap = (page: bigint, pages: bigint, ioas = 1): Call => ({ op: 'unmap', ioas, iova: page * PAGE, length: pages * PAGE })
const copy = (page: bigint, pages: bigint, to: bigint | undefined, more: Partial<Extract<Call, { op: 'copy' }>> = {}): Call =>
  ({ op: 'copy', ioas: 1, source: 1, from: page * PAGE, length: pages * PAGE, iova: to === undefined ? undefined : to * PAGE, access: 6, ...more })
const unmapDma = (page: bigint, pages: bigint): Call => ({ op: 'unmap-dma', iova: page * PAGE, length: pages * PAGE })

describe('an IOAS', () => {
  test('fixed mappings lie where they are asked for, over no other, and go whole', () => {
    agrees(withoutDevice(), [
      [map(2n, 3n), 2n * PAGE],
      [map(4n, 2n), 'EEXIST'],
      [map(5n, 1n), 5n * PAGE],
      [unmap(3n, 2n), 'ENOENT'],
      [unmap(2n, 2n), 'ENOENT'],
      [unmap(0n, 2n), 'ENOENT'],
      [unmap(0n, 6n), 4n * PAGE],
      [unmap(0n, 6n), 'ENOENT'],
      [{ op: 'unmap', ioas: 1, iova: 0n, length: LAST_IOVA }, 0n],
    ])
  })

  test('an unmap that ends within a mapping is refused when those before it are gone', () => {
    agrees(withoutDevice(), [[map(0n, 1n), 0n], [map(1n, 2n), PAGE], [unmap(0n, 2n), 'ENOENT'], [unmap(0n, 1n), 'ENOENT'], [unmap(1n, 2n), 2n * PAGE]])
  })

  test('what is wrong with a call comes in the order of the kernel', () => {
    agrees(withoutDevice(), [
      [map(0n, 1n, { iova: LAST_IOVA, access: 0, ioas: 9 }), 'EOVERFLOW'],
      [map(0n, 1n, { access: 0, ioas: 9 }), 'EINVAL'],
      [map(0n, 1n, { ioas: 9 }), 'ENOENT'],
      [map(0n, 0n), 'EINVAL'],
      [map(undefined, 0n), 'EINVAL'],
      [map(0n, 2n, { iova: LAST_IOVA - PAGE + 1n }), 'EOVERFLOW'],
      [{ op: 'unmap', ioas: 1, iova: 0n, length: 0n }, 'EINVAL'],
      [{ op: 'unmap', ioas: 1, iova: PAGE, length: LAST_IOVA }, 'EOVERFLOW'],
      [{ op: 'unmap', ioas: 1, iova: LAST_IOVA - 1n, length: PAGE }, 'EOVERFLOW'],
      [copy(0n, 0n, 0n), 'EINVAL'],
      [copy(0n, 1n, 0n), 'ENOENT'],
      [copy(0n, 1n, 0n, { from: LAST_IOVA - 1n }), 'EOVERFLOW'],
    ])
  })

  test('of IOVAs that the kernel chooses any is right that is free, aligned and allowed', () => {
    const model = withoutDevice()
    const chooses = (call: Call, iova: bigint) => settle(model.step(call), { value: iova })
    agrees(model, [[map(3n, 1n), 3n * PAGE]])
    for (const wrong of [0n, 2n * PAGE, 3n * PAGE, PAGE + 1n, LAST_IOVA - PAGE + 1n]) expect(chooses(map(undefined, 2n), wrong)).toBe(false)
    expect(chooses(map(undefined, 2n), 1234n * PAGE)).toBe(true)
    agrees(model, [[map(1235n, 1n), 'EEXIST'], [{ op: 'allow', ioas: 1, ranges: [{ start: 8n * PAGE, last: 12n * PAGE - 1n }] }, 0n]])
    expect(chooses(map(undefined, 2n), 1300n * PAGE)).toBe(false)
    expect(chooses(map(undefined, 2n), 11n * PAGE)).toBe(false)
    agrees(model, [
      [map(undefined, 5n), 'ENOSPC'],
      [map(undefined, 3n), 9n * PAGE],
      [map(undefined, 2n), 'ENOSPC'],
      [map(undefined, 1n), 8n * PAGE],
      [map(20n, 1n), 20n * PAGE],
    ])
  })

  test('with huge pages what the kernel chooses is as aligned as it is long', () => {
    const allowed: Call = { op: 'allow', ioas: 1, ranges: [{ start: PAGE, last: 4n * PAGE - 1n }] }
    agrees(withoutDevice(), [[allowed, 0n], [map(undefined, 2n), PAGE]])
    agrees(withoutDevice(1n << 21n), [[allowed, 0n], [map(2n, 1n), 2n * PAGE], [map(undefined, 2n), 'ENOSPC']])
  })

  test('copies span what touches, with the rights of the memory', () => {
    agrees(withoutDevice(), [
      [map(0n, 2n), 0n],
      [map(2n, 1n, { access: 4 }), 2n * PAGE],
      [copy(1n, 2n, 8n), 'EPERM'],
      [copy(1n, 2n, 8n, { access: 4 }), 8n * PAGE],
      [copy(8n, 1n, 9n), 'EEXIST'],
      [copy(8n, 1n, 16n), 16n * PAGE],
      [copy(2n, 2n, 20n), 'ENOENT'],
      [unmap(8n, 1n), PAGE],
      [unmap(0n, 2n), 2n * PAGE],
      [{ op: 'unmap', ioas: 1, iova: 0n, length: LAST_IOVA }, 3n * PAGE],
    ])
  })

  test('an allowed range must have two ends, over no other', () => {
    const allow = (...ranges: (readonly [bigint, bigint])[]): Call => ({ op: 'allow', ioas: 1, ranges: ranges.map(([start, last]) => ({ start, last })) })
    agrees(withoutDevice(), [[allow([1n, 1n]), 'EINVAL'], [allow([0n, 5n], [5n, 6n]), 'EINVAL'], [allow([0n, 5n], [6n, 7n]), 0n], [allow(), 0n]])
  })
})

describe('objects', () => {
  test('an id is new, and gone once', () => {
    const model = withoutDevice()
    expect(settle(model.step({ op: 'ioas-alloc' }), { value: 1n })).toBe(false)
    expect(settle(model.step({ op: 'ioas-alloc' }), { value: 0n })).toBe(false)
    agrees(model, [[{ op: 'ioas-alloc' }, 7n], [{ op: 'destroy', id: 7 }, 0n], [{ op: 'destroy', id: 7 }, 'ENOENT'], [{ op: 'ioas-alloc' }, 7n]])
  })
})

describe('the type1 calls', () => {
  const type1: readonly Said[] = [[{ op: 'set-vfio-ioas', ioas: 1 }, 0n], [{ op: 'set-iommu', type: 'VFIO_TYPE1_IOMMU' }, 0n]]

  test('want a compatibility IOAS', () => {
    agrees(withoutDevice(), [
      [{ op: 'set-iommu', type: 'VFIO_TYPE1_IOMMU' }, 'ENODEV'],
      [unmapDma(0n, 1n), 'ENODEV'],
      ...type1,
      [{ op: 'destroy', id: 1 }, 0n],
      [{ op: 'map-dma', iova: 0n, offset: 0n, length: PAGE }, 'ENODEV'],
    ])
  })

  test('type1 splits where an unmap begins and ends, type1v2 does not', () => {
    agrees(withoutDevice(), [
      ...type1.slice(0, 1),
      [map(0n, 6n), 0n],
      [unmapDma(1n, 1n), 'ENOENT'],
      ...type1.slice(1),
      [unmapDma(1n, 1n), PAGE],
      [unmapDma(1n, 1n), 0n],
      // What was cut before it is refused stays cut.
      [{ op: 'unmap-dma', iova: 4n * PAGE + 1n, length: PAGE - 1n }, 'EINVAL'],
      [unmap(2n, 3n), 3n * PAGE],
      [unmap(5n, 1n), PAGE],
      [unmap(0n, 1n), PAGE],
    ])
  })

  test('without large pages all is aligned to pages', () => {
    agrees(withoutDevice(), [
      [map(0n, 1n, { length: 100n }), 0n],
      [{ op: 'large-pages', ioas: 1, wanted: false }, 'EADDRINUSE'],
      [{ op: 'unmap', ioas: 1, iova: 0n, length: LAST_IOVA }, 100n],
      [{ op: 'large-pages', ioas: 1, wanted: false }, 0n],
      [map(0n, 1n, { length: 100n }), 'EINVAL'],
      [map(0n, 1n, { offset: 1n }), 'EINVAL'],
      [{ op: 'ranges', ioas: 1 }, '{ ranges: [{ start: 0x0n, last: 0xffffffffffffffffn }], alignment: 0x1000n }'],
    ])
  })
})

describe('a device', () => {
  test('reserves while it is attached, and its page table as long as that lives', () => {
    agrees(withDevice(), [
      [{ op: 'attach', pt: 2 }, 3n],
      [{ op: 'ranges', ioas: 2 }, '{ ranges: [{ start: 0x0n, last: 0xfedfffffn }, { start: 0xfef00000n, last: 0x7fffffffffn }], alignment: 0x1000n }'],
      [map(undefined, 1n, { ioas: 2, iova: 0xfee0_0000n }), 'EINVAL'],
      [{ op: 'destroy', id: 3 }, 'EBUSY'],
      [{ op: 'destroy', id: 2 }, 'EBUSY'],
      [{ op: 'destroy', id: 1 }, 'EBUSY'],
      [{ op: 'hwpt-alloc', pt: 2 }, 4n],
      [{ op: 'attach', pt: 4 }, 4n],
      [{ op: 'destroy', id: 3 }, 'ENOENT'],
      [{ op: 'detach' }, 0n],
      [{ op: 'ranges', ioas: 2 }, '{ ranges: [{ start: 0x0n, last: 0x7fffffffffn }], alignment: 0x1000n }'],
      [{ op: 'destroy', id: 4 }, 0n],
      [{ op: 'ranges', ioas: 2 }, '{ ranges: [{ start: 0x0n, last: 0xffffffffffffffffn }], alignment: 0x1n }'],
      [{ op: 'destroy', id: 2 }, 0n],
    ])
  })

  test('moves from one IOAS to another; where something lies in its way it stays', () => {
    agrees(withDevice(), [
      [{ op: 'ioas-alloc' }, 3n],
      [{ op: 'attach', pt: 2 }, 4n],
      [{ op: 'attach', pt: 2 }, 4n],
      [map(undefined, 1n, { ioas: 3, iova: 0xfee0_0000n }), 0xfee0_0000n],
      [{ op: 'attach', pt: 3 }, 'EADDRINUSE'],
      [{ op: 'hwpt-alloc', pt: 3 }, 5n],
      [{ op: 'attach', pt: 5 }, 'EADDRINUSE'],
      [unmap(0xfee00n, 1n, 3), PAGE],
      [{ op: 'attach', pt: 3 }, 6n],
      [{ op: 'destroy', id: 4 }, 'ENOENT'],
      [{ op: 'destroy', id: 2 }, 0n],
    ])
  })

  test('what is no page table is told apart', () => {
    agrees(withDevice(), [
      [{ op: 'attach', pt: 1 }, 'EINVAL'],
      [{ op: 'attach', pt: 9 }, 'ENOENT'],
      [{ op: 'hwpt-alloc', pt: 1 }, 'EINVAL'],
      [{ op: 'hwpt-alloc', pt: 9 }, 'EINVAL'],
      [{ op: 'hwpt-alloc', pt: 2 }, 3n],
      [{ op: 'hwpt-alloc', pt: 3 }, 'EOPNOTSUPP'],
    ])
  })

  test('bytes that are not aligned to pages keep it out, and large pages cannot go while something is mapped for it', () => {
    agrees(withDevice(), [
      [map(0n, 1n, { ioas: 2, length: 1n }), 0n],
      [{ op: 'attach', pt: 2 }, 'EADDRINUSE'],
      [{ op: 'hwpt-alloc', pt: 2 }, 'EADDRINUSE'],
      [{ op: 'unmap', ioas: 2, iova: 0n, length: 1n }, 1n],
      [{ op: 'attach', pt: 2 }, 3n],
      [map(0n, 1n, { ioas: 2 }), 0n],
      [{ op: 'large-pages', ioas: 2, wanted: false }, 'EINVAL'],
      [{ op: 'detach' }, 0n],
      [{ op: 'large-pages', ioas: 2, wanted: false }, 0n],
    ])
  })
})
