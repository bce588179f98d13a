import fs from 'node:fs'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno } from '../case/expect.ts'
import { VfioUserDma } from '../devices/vfio-user-dma.ts'
import { LARGE_BAR, REGISTER, SMALL_BARS, SPARSE_AREAS, SPARSE_BAR, SPARSE_BAR_BYTES } from '../devices/vfio-user-dma-registers.ts'
import type { DeviceCapability } from '../protocol.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { writeText } from '../sys/text-file.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

/** BARs of sizes and places that drivers seldom meet. */
const onDevice = (bars: DeviceCapability) => ({ access: 'any', deviceKind: 'vfio-user-dma', device: [bars] } as const)
const SOURCES = ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_rdwr.c']
const GIB = 2 ** 30

const openDma = (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device('vfio-user-dma'))
  return { ...open, dma: new VfioUserDma(lab, open) }
}

export const barLayout = suite('bar-layout', [
  defineCase({
    name: 'large',
    title: 'every place of a BAR of 64 GiB is reached, by read and write and through a mapping of a page of it, and nothing behind its end',
    needs: onDevice('large-bar'),
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
    run: (lab) => {
      const { device, dma } = openDma(lab)
      const { size, flags } = device.regionInfo(LARGE_BAR)
      equal({ size, mappable: (flags & VFIO.VFIO_REGION_INFO_FLAG_MMAP) !== 0 }, { size: 64 * GIB, mappable: true }, 'the region')
      // Each word of it reads as its own offset.
      for (const offset of [0, PAGE_SIZE - 8, 2 * GIB - 8, 4 * GIB - 8, 4 * GIB, 33 * GIB + 0x128, size - 8]) {
        equal(device.read(LARGE_BAR, offset, 8), BigInt(offset), `word at 0x${offset.toString(16)}`)
        device.write(LARGE_BAR, offset, 4, 0x1000_0000 + offset % 0xffff)
        equal([dma.register64(REGISTER.LAST_OFFSET), dma.register64(REGISTER.LAST_VALUE)], [BigInt(offset), BigInt(0x1000_0000 + offset % 0xffff)],
          `where the device saw the write to 0x${offset.toString(16)}, and what`)
      }
      for (const page of [0, 4 * GIB, 48 * GIB, size - PAGE_SIZE]) {
        const registers = lab.use(device.mmap(LARGE_BAR, { offset: page, length: PAGE_SIZE }))
        equal(registers.read32(0x108), (page + 0x108) % (4 * GIB), `low half of a mapped word in the page at 0x${page.toString(16)}`)
        equal(registers.read32(0x10c), Math.floor(page / (4 * GIB)), 'its high half')
      }
      expectErrno('EINVAL', () => device.read(LARGE_BAR, size, 8))
      expectErrno('EINVAL', () => device.mmap(LARGE_BAR, { offset: size - PAGE_SIZE, length: 2 * PAGE_SIZE }))
    },
  }),
  defineCase({
    name: 'sparse',
    title: 'a BAR that is memory in some pages and registers in others is one BAR: what one way writes, the other ways read',
    needs: onDevice('sparse-bar'),
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
    run: (lab) => {
      const { device, dma } = openDma(lab)
      const { size } = device.regionInfo(SPARSE_BAR)
      equal(size, SPARSE_BAR_BYTES, 'bytes of the region')
      const registers = lab.use(device.mmap(SPARSE_BAR))
      const seenByDevice = (offset: number): number => {
        dma.setRegister(REGISTER.PEEK_OFFSET, offset)
        return dma.register(REGISTER.PEEK)
      }
      const direct = (offset: number) => SPARSE_AREAS.some((area) => offset >= area.offset && offset < area.offset + area.size)
      for (let page = 0; page < size; page += PAGE_SIZE) {
        const before = dma.register(REGISTER.TRAPPED)
        registers.write32(page + 8, 0xa000_0000 + page)
        equal(device.read(SPARSE_BAR, page + 8, 4), 0xa000_0000 + page, `word at 0x${page.toString(16)}, written through the mapping, by read(2)`)
        device.write(SPARSE_BAR, page + 12, 4, 0xb000_0000 + page)
        equal(registers.read32(page + 12), 0xb000_0000 + page, `word at 0x${page.toString(16)}, written by write(2), through the mapping`)
        equal([seenByDevice(page + 8), seenByDevice(page + 12)], [0xa000_0000 + page, 0xb000_0000 + page], `both words at 0x${page.toString(16)}, seen by the device`)
        // An atomic store to registers may come as a load and a store.
        equal(dma.register(REGISTER.TRAPPED) > before, !direct(page), `accesses came to the device at 0x${page.toString(16)}`)
      }
    },
  }),
  defineCase({
    name: 'small',
    title: 'BARs of less than a page are read and written, each for itself; mapped, each shows the same',
    needs: onDevice('small-bars'),
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
    run: (lab) => { holdTheirOwn(lab, openDma(lab)) },
  }),
  defineCase({
    name: 'unaligned',
    title: 'placed anew by the kernel, which packs them, BARs of less than a page share one: none can be mapped, all are read and written',
    needs: onDevice('small-bars'),
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
    timeoutMs: 10_000,
    run: async (lab) => {
      const pci = lab.device('vfio-user-dma')
      await pci.unbind()
      writeText(`${pci.dir}/remove`, '1')
      writeText('/sys/bus/pci/rescan', '1')
      pci.bind()
      const open = openDma(lab)
      const pages = new Set(SMALL_BARS.map((bar) => barStart(pci.dir, bar) / BigInt(PAGE_SIZE)))
      equal(pages.size, 1, 'pages that the small BARs lie in')
      for (const bar of SMALL_BARS) {
        equal(open.device.regionInfo(bar).flags & VFIO.VFIO_REGION_INFO_FLAG_MMAP, 0, `MMAP flag of BAR ${bar}, which shares its page`)
        expectErrno('EINVAL', () => open.device.mmap(bar, { length: PAGE_SIZE }))
      }
      holdTheirOwn(lab, open)
    },
  }),
])

/** Fills each small BAR with bytes of its own, all of it and nothing behind it, and finds them there by every way that there is. */
const holdTheirOwn = (lab: CaseContext, { device }: ReturnType<typeof openDma>): void => {
  const contents = SMALL_BARS.map((bar, at) => ({ bar, bytes: Uint8Array.from({ length: 256 << at }, (_, index) => (index * 3 + bar) & 0xff) }))
  for (const { bar, bytes } of contents) {
    equal(device.regionInfo(bar).size, bytes.byteLength, `bytes of BAR ${bar}`)
    equal(device.writeBytes(bar, 0, bytes), bytes.byteLength, `bytes written to BAR ${bar}`)
    expectErrno('EINVAL', () => device.read(bar, bytes.byteLength, 1))
  }
  for (const { bar, bytes } of contents) {
    equalBytes(device.readBytes(bar, 0, bytes.byteLength), bytes, `BAR ${bar} after all were written to`)
    if ((device.regionInfo(bar).flags & VFIO.VFIO_REGION_INFO_FLAG_MMAP) === 0) continue
    const registers = lab.use(device.mmap(bar, { length: PAGE_SIZE }))
    const mapped = Uint8Array.from(bytes.keys().map((offset) => registers.read8(offset)))
    equalBytes(mapped, bytes, `BAR ${bar} through a mapping`)
  }
}

/** Where a BAR lies in the machine's memory. */
const barStart = (dir: string, bar: number): bigint =>
  BigInt(fs.readFileSync(`${dir}/resource`, 'utf8').split('\n')[bar]?.split(' ')[0] ?? '0')
