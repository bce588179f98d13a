import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bzImageRelease } from '../../../orchestrator/kernel/bzimage-release.ts'
import { madeUpBzImage } from '../../made-up-bzimage.ts'

test('the release is the first word of the version', () => {
  fc.assert(fc.property(fc.stringMatching(/^[0-9][\w.+~-]{0,60}$/), fc.integer({ min: 0x40, max: 0x5f0 }), (release, at) => {
    expect(bzImageRelease(madeUpBzImage(`${release} (me@here) #1 SMP`, at))).toEqual({ release })
  }))
})

test.each([
  ['nothing', Buffer.alloc(0), 'it has 0 bytes'],
  ['a sector of zeros', Buffer.alloc(1024), 'it has no boot header'],
  ['a vmlinux', Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(4096)]), 'it has no boot header'],
  ['a kernel of 32 bits', madeUpBzImage('7.3.0', 0x100, { xloadflags: 0 }), 'it is no 64-bit kernel'],
  ['an older boot protocol', madeUpBzImage('3.2.0', 0x100, { protocol: 0x20a }), 'it is no 64-bit kernel'],
  ['a zImage', madeUpBzImage('7.3.0', 0x100, { loadflags: 0 }), 'it is a zImage'],
  ['one without a version', madeUpBzImage('7.3.0', -0x200), 'its header names no version'],
  ['a version that never ends', madeUpBzImage('7'.repeat(900), 0x100), 'its header names no version'],
])('%s is none', (_, image, because) => {
  expect(bzImageRelease(image)).toEqual({ because })
})

test('any bytes at all give an answer', () => {
  const header = madeUpBzImage('7.3.0 x', 0x300)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2048 }), fc.nat(0x260), fc.boolean(), (bytes, at, damaged) => {
    const image = damaged ? Buffer.from(header) : Buffer.from(bytes)
    if (damaged) image.set(bytes.subarray(0, 16), at)
    const answer = bzImageRelease(image)
    expect('release' in answer ? answer.release : answer.because).toMatch(/^[\x20-\x7e]+$/)
  }))
})
