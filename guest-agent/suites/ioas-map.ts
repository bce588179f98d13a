import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'

const { IOMMU_IOAS_MAP_READABLE, IOMMU_IOAS_MAP_WRITEABLE } = IOMMUFD

const NEEDS = { config: ['IOMMUFD'] }
const SOURCES = ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c']
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const fixed = defineCase({
  name: 'fixed-iova',
  title: 'a fixed mapping lies exactly where it was asked for, at 0 and at the last page too',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    for (const iova of [0n, PAGE, 0xfee0_0000n, 1n << 47n, LAST - PAGE + 1n]) {
      equal(ioas.map(memory, { iova }), iova, 'IOVA of the mapping')
      equal(ioas.unmap(iova, PAGE), PAGE, 'bytes unmapped')
    }
  },
})

const chosen = defineCase({
  name: 'chosen-iova',
  title: 'the kernel chooses IOVAs that are free, not 0, and as aligned as the memory is',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    ioas.map(memory, { iova: 3n * PAGE })
    const taken = [{ start: 3n * PAGE, last: 7n * PAGE - 1n }]
    for (const [offset, length] of [[0, PAGE_SIZE], [0, 3 * PAGE_SIZE], [0x123, 0x200], [PAGE_SIZE - 1, 2], [0, 4 * PAGE_SIZE], [8, 8]] as const) {
      const iova = ioas.map({ address: memory.address + BigInt(offset), length })
      const last = iova + BigInt(length) - 1n
      ok(iova >= PAGE, `the kernel chose the IOVA 0x${iova.toString(16)}`)
      if (offset === 0) equal(iova % PAGE, 0n, 'offset within its page of an IOVA for whole pages')
      const clash = taken.find((other) => iova <= other.last && last >= other.start)
      ok(clash === undefined, `the kernel chose 0x${iova.toString(16)}, which is mapped already`)
      taken.push({ start: iova, last })
    }
    equal(ioas.unmapAll(), taken.reduce((sum, { start, last }) => sum + last - start + 1n, 0n), 'bytes mapped in all')
  },
})

const hole = defineCase({
  name: 'chosen-iova-in-hole',
  title: 'an IOVA chosen by the kernel fits into a hole between two mappings when the hole is large enough, and not when it is too small',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_ALLOW_IOVAS'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(3 * PAGE_SIZE))
    const base = 0x10_0000n
    ioas.allow([{ start: base, last: base + 8n * PAGE - 1n }])
    ioas.map({ address: memory.address, length: 3 * PAGE_SIZE }, { iova: base })
    ioas.map({ address: memory.address, length: 3 * PAGE_SIZE }, { iova: base + 5n * PAGE })
    expectErrno('ENOSPC', () => ioas.map(memory))
    equal(ioas.map({ address: memory.address, length: 2 * PAGE_SIZE }), base + 3n * PAGE, 'IOVA in the only hole')
    expectErrno('ENOSPC', () => ioas.map({ address: memory.address, length: PAGE_SIZE }))
  },
})

const overlap = defineCase({
  name: 'overlap',
  title: 'a fixed mapping over any byte of another is EEXIST; side by side they are taken',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    const at = (iova: bigint, length: bigint) => ioas.map({ address: memory.address, length }, { iova })
    const base = 16n * PAGE
    at(base, 2n * PAGE)
    for (const [iova, length] of [
      [base, 2n * PAGE],
      [base, 1n],
      [base + 2n * PAGE - 1n, 1n],
      [base - PAGE, 4n * PAGE],
      [base - 1n, 2n],
      [base + PAGE, 2n * PAGE],
      [base + 1n, 1n],
    ] as const) expectErrno('EEXIST', () => at(iova, length))
    at(base - PAGE, PAGE)
    at(base + 2n * PAGE, PAGE)
    equal(ioas.unmapAll(), 4n * PAGE, 'bytes mapped in all')
  },
})

const overflow = defineCase({
  name: 'overflow',
  title: 'a mapping that runs over the end of an address space is EOVERFLOW',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/pages.c'] },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    expectErrno('EOVERFLOW', () => ioas.map({ address, length: PAGE_SIZE }, { iova: LAST }))
    expectErrno('EOVERFLOW', () => ioas.map({ address, length: LAST }, { iova: 0n }))
    expectErrno('EOVERFLOW', () => ioas.map({ address, length: 2 * PAGE_SIZE }, { iova: LAST - PAGE + 1n }))
    expectErrno('EOVERFLOW', () => ioas.map({ address: LAST - PAGE + 1n, length: 2 * PAGE_SIZE }, { iova: PAGE }))
    expectErrno('EOVERFLOW', () => ioas.map({ address, length: 1n << 63n }))
    equal(ioas.unmapAll(), 0n, 'bytes that the refused mappings left')
  },
})

const roundsOver = defineCase({
  name: 'memory-that-rounds-over',
  title: 'memory that lies in more pages than can be counted is refused, and nothing else comes of it',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/pages.c'] },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    expectErrno(['EINVAL', 'EOVERFLOW'], () => ioas.map({ address: 2n, length: LAST - PAGE }, { iova: 0n }))
    equal(ioas.unmapAll(), 0n, 'bytes that the refused mapping left')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'no length, no direction and no such IOAS are refused, in that order of precedence',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_FAULT_QUEUE_ALLOC'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    const map = (values: Parameters<typeof iommufdStructs.ioasMap.make>[0]) => iommu.ioctl('IOMMU_IOAS_MAP', iommufdStructs.ioasMap.make({
      ioas_id: ioas.id, flags: IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, user_va: address, length: PAGE, ...values,
    }))
    expectErrno('EINVAL', () => map({ length: 0n }))
    expectErrno('EINVAL', () => map({ flags: 0 }))
    expectErrno('EINVAL', () => map({ flags: IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA, iova: PAGE }))
    expectErrno('ENOENT', () => map({ ioas_id: ioas.id + 1 }))
    expectErrno('ENOENT', () => map({ ioas_id: 0 }))
    const queue = iommu.faultQueueAlloc()
    lab.use(queue.fd)
    expectErrno('ENOENT', () => map({ ioas_id: queue.id }))
    // What is wrong with the request itself comes before the object.
    expectErrno('EOPNOTSUPP', () => map({ flags: 8, ioas_id: 0, iova: LAST }))
    expectErrno('EOVERFLOW', () => map({ flags: 0, ioas_id: 0, iova: LAST }))
    expectErrno('EINVAL', () => map({ flags: 0, ioas_id: 0 }))
    equal(ioas.unmapAll(), 0n, 'bytes that the refused mappings left')
  },
})

const subPage = defineCase({
  name: 'sub-page',
  title: 'without a device any byte range may be mapped; the alignment is told as 1',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_IOVA_RANGES'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    equal(ioas.ranges().alignment, 1n, 'alignment of an IOAS without a device')
    ioas.map({ address: address + 0x10n, length: 100 }, { iova: 0x1_0123n })
    ioas.map({ address: address + 0x10n, length: 1 }, { iova: 0x1_0123n + 100n })
    expectErrno('ENOENT', () => ioas.unmap(0x1_0123n, 99))
    equal(ioas.unmap(0x1_0123n, 101), 101n, 'bytes unmapped')
  },
})

const lazy = defineCase({
  name: 'lazy-without-device',
  title: 'without a device nothing is pinned: memory that cannot be pinned may be mapped',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/pages.c'] },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    const constant = lab.use(Memory.readOnly(PAGE_SIZE))
    ioas.map(nowhere)
    ioas.map(constant)
    equal(ioas.unmapAll(), 2n * PAGE, 'bytes mapped')
  },
})

export const ioasMap = suite('ioas-map', [fixed, chosen, hole, overlap, overflow, roundsOver, refusals, subPage, lazy])
