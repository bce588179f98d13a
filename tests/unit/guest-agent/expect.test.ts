import { expect, test, vi } from 'vitest'
import { equal, equalBytes, expectErrno, rejectsErrno } from '../../../guest-agent/case/expect.ts'
import { Errno } from '../../../guest-agent/sys/errno.ts'
import { noteCall } from '../../../guest-agent/sys/last-call.ts'

const busy = () => { throw new Errno(16, 'IOMMU_DESTROY(id 1)') }

test('the refusal that was expected is returned', async () => {
  expect(expectErrno('EBUSY', busy).call).toBe('IOMMU_DESTROY(id 1)')
  expect(expectErrno(['ENOENT', 'EBUSY'], busy).errno).toBe(16)
  expect((await rejectsErrno('EBUSY', async () => { await Promise.resolve(); busy() })).code).toBe('EBUSY')
})

test('another refusal names the call and both errors', () => {
  expect(() => expectErrno('ENOENT', busy)).toThrow('IOMMU_DESTROY(id 1): ENOENT expected, got EBUSY')
})

test('success names the call, and what it opened is closed', () => {
  const close = vi.fn()
  expect(() => expectErrno('EINVAL', () => {
    noteCall('IOMMU_IOAS_MAP(length 0x0)')
    return { [Symbol.dispose]: close }
  })).toThrow('IOMMU_IOAS_MAP(length 0x0): EINVAL expected, got success')
  expect(close).toHaveBeenCalledOnce()
})

test('an error that is no refusal of the kernel is not taken for one', () => {
  expect(() => expectErrno('EINVAL', () => { throw new TypeError('a bug of the case') })).toThrow(TypeError)
})

test('values are compared by what they are', () => {
  equal([{ start: 0n, last: 5n }], [{ start: 0n, last: 5n }], 'ranges')
  expect(() => { equal(1n, 2n, 'length') }).toThrow('length: 0x2 expected, got 0x1')
  expect(() => { equal<unknown>('1', 1, 'number') }).toThrow("number: 1 expected, got '1'")
})

test('memory that differs is told from its first byte', () => {
  expect(() => { equalBytes(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 9, 3), 'page') })
    .toThrow('page: differs from byte 1 on: 09 03 expected, got 02 03')
  expect(() => { equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2), 'page') }).toThrow('page: 2 bytes expected, got 1')
})
