import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cpioArchive, type CpioEntry } from '../../../orchestrator/image/cpio.ts'
import { readCpio } from './read-cpio.ts'

const name = fc.stringMatching(/^[a-zA-Z0-9._ äß-]{1,40}$/).filter((text) => text !== 'TRAILER!!!')
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const mode = fc.integer({ min: 0, max: 0o7777 })
const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ kind: fc.constant('file' as const), path, mode, data: fc.uint8Array({ maxLength: 3000 }) }),
  fc.record({ kind: fc.constant('folder' as const), path, mode }),
  fc.record({ kind: fc.constant('link' as const), path, target: path }),
  fc.record({ kind: fc.constant('character-device' as const), path, mode, major: fc.nat(4095), minor: fc.nat(255) }),
)
const plain = (given: CpioEntry) => (given.kind === 'file' ? { ...given, data: Buffer.from(given.data).toString('hex') } : given)

describe('cpioArchive', () => {
  it('holds what was put into it, in order', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        const archive = cpioArchive(entries)
        expect(archive.length % 512).toBe(0)
        expect(readCpio(archive).map(plain)).toEqual(entries.map(plain))
      }),
    )
  })

  it('gives the same bytes for the same entries', () => {
    const entries: readonly CpioEntry[] = [{ kind: 'file', path: 'a', mode: 0o644, data: Buffer.from('x') }]
    expect(Buffer.from(cpioArchive(entries))).toEqual(Buffer.from(cpioArchive(entries)))
  })

  it('writes the header that the kernel documents', () => {
    const archive = Buffer.from(cpioArchive([{ kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 }]))
    expect(archive.toString('latin1', 0, 122)).toBe(
      ['070701', '00000001', '00002180', '00000000', '00000000', '00000001', '00000000', '00000000', '00000000', '00000000', '00000005',
        '00000001', '0000000c', '00000000', 'dev/console\0'].join(''),
    )
  })
})
