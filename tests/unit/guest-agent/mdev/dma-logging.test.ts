import { expect, test } from 'vitest'
import { rangeBytes } from '../../../../guest-agent/mdev/dma-logging.ts'

test('ranges lie one after the other, little-endian; none is memory all the same, for the pointer to it', () => {
  const bytes = rangeBytes([{ iova: 0x1000n, length: 0x2000n }, { iova: 1n << 40n, length: 1n }])
  expect([...new BigUint64Array(bytes.buffer)]).toEqual([0x1000n, 0x2000n, 1n << 40n, 1n])
  expect(rangeBytes([]).byteLength).toBe(16)
})
