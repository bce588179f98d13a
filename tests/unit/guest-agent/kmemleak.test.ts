import { expect, test } from 'vitest'
import { parseLeakedObjects } from '../../../guest-agent/sys/kmemleak.ts'

const TEXT = `unreferenced object 0xffff888003f4a1c0 (size 96):
  comm "MainThread", pid 97, jiffies 4294670296
  hex dump (first 32 bytes):
    01 00 00 00 00 00 00 00 c8 a1 f4 03 80 88 ff ff  ................
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 4f1d2a):
    __kmalloc_cache_noprof+0x2f4/0x3c0
    vfio_irq_ctx_alloc+0x3c/0x90
    do_syscall_64+0x5f/0x110
unreferenced object (percpu) 0x607fd1c00a28 (size 8):
  comm "a (b) c", pid 1, jiffies 4294667296 (age 12.340s)
  hex dump (first 8 bytes on cpu 0):
    00 00 00 00 00 00 00 00                          ........
  backtrace:
    [<0000000089ab12cd>] pcpu_alloc_noprof+0x5d5/0x8e0
`

test('each object is told with the time after the boot at which it was allocated, and for whom', () => {
  expect(parseLeakedObjects(TEXT, 1000)).toEqual([
    { bytes: 96, process: 'MainThread', atMs: 3000, trace: ['__kmalloc_cache_noprof', 'vfio_irq_ctx_alloc', 'do_syscall_64'] },
    { bytes: 8, process: 'a (b) c', atMs: 0, trace: ['pcpu_alloc_noprof'] },
  ])
})

test('jiffies are counted in units of the kernel\'s own', () => {
  const [object] = parseLeakedObjects(TEXT.replace('4294670296', String(2 ** 32 - 300 * 250 + 500)), 250)
  expect(object?.atMs).toBe(2000)
})

test('no object is no text; another wording is an error and not the absence of leaks', () => {
  expect(parseLeakedObjects('', 250)).toEqual([])
  expect(() => parseLeakedObjects('unreferenced object of tomorrow', 250)).toThrow('kmemleak says')
})
