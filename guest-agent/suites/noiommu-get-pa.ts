import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { memfd } from '../sys/memfd.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { physicalAddress } from '../sys/physical.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const GET_PA = 'IOMMU_IOAS_NOIOMMU_GET_PA'
const COVERS = {
  ioctls: [GET_PA],
  sources: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/hwpt_noiommu.c'],
}
const DEVICE = { config: ['IOMMUFD_NOIOMMU'], uapi: [GET_PA], access: 'cdev', iommu: 'none' } as const
const PAGE = BigInt(PAGE_SIZE)
const HUGE = BigInt(HUGE_PAGE_SIZE)
const MIB = 1024n * 1024n
const LAST = 0xffff_ffff_ffff_ffffn
/** More than any area of these cases. */
const ALL = 1n << 40n

const address = defineCase({
  name: 'physical-address',
  title: 'the address is that of the page, the offset within it is kept, and the length ends with the page or the room',
  needs: DEVICE,
  covers: COVERS,
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const physical = physicalAddress(memory)
    const iova = ioas.map(memory)
    equal(ioas.noiommuGetPa(iova, ALL), { physical, length: PAGE }, 'of the page')
    equal(ioas.noiommuGetPa(iova, 1n), { physical, length: 1n }, 'of its first byte')
    equal(ioas.noiommuGetPa(iova + 0x123n, ALL), { physical: physical + 0x123n, length: PAGE - 0x123n }, 'of all from byte 0x123 on')
    equal(ioas.noiommuGetPa(iova + 0x123n, 0x10n), { physical: physical + 0x123n, length: 0x10n }, 'of 16 bytes from byte 0x123 on')
    equal(ioas.noiommuGetPa(iova + PAGE - 1n, ALL), { physical: physical + PAGE - 1n, length: 1n }, 'of its last byte')
    expectErrno('ENOENT', () => ioas.noiommuGetPa(iova - 1n, ALL))
    expectErrno('ENOENT', () => ioas.noiommuGetPa(iova + PAGE, ALL))
  },
})

/** Pages of a file that came into being in another order than they lie in, so that physical neighbours are rare among them. */
const scattered = (pages: number): Memory => {
  using file = memfd(pages * PAGE_SIZE)
  const memory = Memory.ofFile(file, pages * PAGE_SIZE)
  for (let step = 0; step < pages; step += 1) memory.bytes[((step * 7) % pages) * PAGE_SIZE] = 1
  return memory
}

/** How many pages from this one on are physically contiguous. */
const run = (frames: readonly bigint[], from: number): number => {
  let end = from + 1
  while (end < frames.length && frames[end] === (frames[end - 1] ?? 0n) + PAGE) end += 1
  return end - from
}

const lengths = defineCase({
  name: 'contiguous-length',
  title: 'from every page of a mapping the length reaches exactly as far as the physical pages are contiguous',
  needs: { ...DEVICE, config: [...DEVICE.config, 'MEMFD_CREATE', 'PROC_PAGE_MONITOR'] },
  covers: COVERS,
  run: (lab) => {
    const PAGES = 36
    const { ioas } = openThroughCdev(lab, lab.device())
    for (const memory of [lab.use(scattered(PAGES)), lab.use(Memory.pages(PAGES * PAGE_SIZE))]) {
      const frames = Array.from({ length: PAGES }, (_, page) => physicalAddress(memory, page * PAGE_SIZE))
      const iova = ioas.map(memory)
      for (const [page, physical] of frames.entries()) {
        const at = iova + BigInt(page) * PAGE
        const length = BigInt(run(frames, page)) * PAGE
        equal(ioas.noiommuGetPa(at, ALL), { physical, length }, `page ${page} of ${PAGES}`)
        equal(ioas.noiommuGetPa(at + 0x10n, ALL), { physical: physical + 0x10n, length: length - 0x10n }, `page ${page}, byte 16`)
        if (length > PAGE) equal(ioas.noiommuGetPa(at, PAGE + 1n).length, PAGE + 1n, `room of a page and a byte at page ${page}`)
      }
      ioas.unmapAll()
    }
  },
})

const huge = defineCase({
  name: 'huge-page-length',
  title: 'a huge page is one contiguous piece from any byte of it to its end',
  needs: { ...DEVICE, config: [...DEVICE.config, 'HUGETLBFS'] },
  covers: COVERS,
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const iova = ioas.map(lab.use(Memory.hugePages(1)), { iova: 0x4000_0000n })
    const { physical, length } = ioas.noiommuGetPa(iova, ALL)
    equal(length, HUGE, 'length of the huge page')
    equal(physical % HUGE, 0n, 'offset of its physical address')
    for (const offset of [1n, PAGE, MIB + 0x123n, HUGE - PAGE - 1n, HUGE - PAGE, HUGE - 1n]) {
      equal(ioas.noiommuGetPa(iova + offset, ALL), { physical: physical + offset, length: HUGE - offset }, `from byte 0x${offset.toString(16)} on`)
    }
    equal(ioas.noiommuGetPa(iova + 0x800n, MIB).length, MIB, 'length when there is room for less')
  },
})

const adjacent = defineCase({
  name: 'adjacent-mappings',
  title: 'the length ends with the mapping although the next one goes on where it ends, in IOVA and in memory',
  needs: { ...DEVICE, config: [...DEVICE.config, 'HUGETLBFS'] },
  covers: COVERS,
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.hugePages(1))
    const base = 0x4000_0000n
    const part = (from: bigint, length: bigint) => ioas.map({ address: memory.address + from, length }, { iova: base + from })
    const bounds = [0n, PAGE, 3n * PAGE, MIB, HUGE]
    for (const [index, end] of bounds.entries()) {
      const from = bounds[index - 1]
      if (from !== undefined) part(from, end - from)
    }
    const { physical } = ioas.noiommuGetPa(base, 1n)
    for (const [index, end] of bounds.entries()) {
      const from = bounds[index - 1]
      if (from === undefined) continue
      for (const offset of [from, from + 0x123n, end - PAGE, end - 1n]) {
        equal(ioas.noiommuGetPa(base + offset, ALL), { physical: physical + offset, length: end - offset }, `from byte 0x${offset.toString(16)} of the huge page on`)
      }
    }
  },
})

const unaligned = defineCase({
  name: 'unaligned-start',
  title: 'asked from inside a page the length is that much shorter and ends with the mapping, be it a page or many, whatever follows it',
  needs: { ...DEVICE, config: [...DEVICE.config, 'HUGETLBFS'] },
  covers: COVERS,
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.hugePages(1))
    // Followed by a hole, and then by a mapping that goes on in memory.
    for (const followed of [false, true]) {
      for (const pages of [1n, 2n, 5n]) {
        const [iova, length] = [0x4000_0000n, pages * PAGE]
        ioas.map({ address: memory.address, length }, { iova })
        if (followed) ioas.map({ address: memory.address + length, length: PAGE }, { iova: iova + length })
        const { physical } = ioas.noiommuGetPa(iova, 1n)
        for (const offset of [1n, 0x123n, PAGE - 1n, length - PAGE + 0x800n, length - 1n]) {
          equal(
            ioas.noiommuGetPa(iova + offset, ALL), { physical: physical + offset, length: length - offset },
            `from byte 0x${offset.toString(16)} of ${pages} pages on, ${followed ? 'a neighbour' : 'nothing'} behind them`,
          )
        }
        ioas.unmapAll()
      }
    }
  },
})

const followsMapping = defineCase({
  name: 'follows-the-mapping',
  title: 'a fixed IOVA is the one that counts; unmapped it is ENOENT, mapped to other memory it tells that',
  needs: DEVICE,
  covers: { ...COVERS, ioctls: [GET_PA, 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_COPY'] },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const [a, b] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
    const [ofA, ofB] = [physicalAddress(a), physicalAddress(b)]
    for (const iova of [0n, 0x1234_5000n, 0xfee0_0000n, 1n << 48n, 1n << 60n, LAST - PAGE + 1n]) {
      equal(ioas.map(a, { iova }), iova, 'IOVA of the mapping')
      equal(ioas.noiommuGetPa(iova, ALL), { physical: ofA, length: PAGE }, `of IOVA 0x${iova.toString(16)}`)
      if (iova + PAGE < LAST) expectErrno('ENOENT', () => ioas.noiommuGetPa(iova + PAGE, PAGE))
      ioas.unmap(iova, PAGE)
      expectErrno('ENOENT', () => ioas.noiommuGetPa(iova, PAGE))
      ioas.map(b, { iova })
      equal(ioas.noiommuGetPa(iova, PAGE).physical, ofB, `of IOVA 0x${iova.toString(16)} mapped anew`)
      equal(copyAddress(ioas, iova), ofB, 'of a copy')
      ioas.unmapAll()
    }
  },
})

/** The physical address that a copy of a page's mapping tells. */
const copyAddress = (ioas: Ioas, from: bigint): bigint =>
  ioas.noiommuGetPa(ioas.copyFrom(ioas, { from, length: PAGE }), PAGE).physical

const twoPageTables = defineCase({
  name: 'two-page-tables',
  title: 'an IOAS tells addresses as long as it has any noiommu page table, and one context does not care for another',
  needs: { ...DEVICE, devices: 2 },
  covers: COVERS,
  run: (lab) => {
    const [one, two] = lab.devices()
    const first = bindCdev(lab, one)
    const second = bindCdev(lab, two)
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const expected = { physical: physicalAddress(memory), length: PAGE }
    const [ioas, other] = [first.iommu.ioasAlloc(), second.iommu.ioasAlloc()]
    const iova = ioas.map(memory)
    other.map(memory, { iova })
    first.cdev.attach(ioas.id)
    second.cdev.attach(other.id)
    // Two page tables in one IOAS: the first holds the addresses until it goes, then the other does.
    const extra = first.iommu.hwptAlloc({ deviceId: first.deviceId, ptId: ioas.id })
    equal(ioas.noiommuGetPa(iova, ALL), expected, 'with two page tables')
    first.cdev.detach()
    equal(ioas.noiommuGetPa(iova, ALL), expected, 'by the page table that is left')
    equal(first.cdev.attach(extra), extra, 'page table of the first device')
    first.cdev.close()
    first.iommu.destroy(extra)
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, ALL))
    equal(other.noiommuGetPa(iova, ALL), expected, 'in the context of the second device')
  },
})

export const noiommuGetPa = suite('noiommu-get-pa', [address, lengths, huge, adjacent, unaligned, followsMapping, twoPageTables])
