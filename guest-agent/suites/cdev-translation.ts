import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import type { IommuFd } from '../iommufd/iommu-fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

/** The device that tells at once whether its DMA was translated, behind a real IOMMU. */
const NEEDS = { access: 'cdev', iommu: 'present', deviceKind: 'iommu-testdev' } as const
const SOURCES = ['drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c']
const PAGE = BigInt(PAGE_SIZE)
/** What an IOMMU driver says of a DMA that it blocked. */
const FAULTS = ['DMAR: ', 'virtio_iommu.*(fault|unknown|page)']
const IOVA = 0x1000_0000n

/** Writes one word at an IOVA and tells in which of these memories it arrived; undefined: it was not translated. */
const arrivals = (device: IommuTestdev, memories: readonly Memory[], iova = IOVA): readonly number[] => {
  for (const memory of memories) memory.bytes.fill(0)
  device.write(iova, 4)
  return [...memories.keys()].filter((index) => memories[index]?.words.some((word) => word !== 0) === true)
}

/** Writes one word at an IOVA and tells which words of this memory are not 0 then. */
const wordsWritten = (device: IommuTestdev, memory: Memory, iova: bigint): readonly number[] => {
  memory.bytes.fill(0)
  device.write(iova, 4)
  return [...memory.words.keys()].filter((index) => memory.words[index] !== 0)
}

const start = (lab: CaseContext, pages = 1) => {
  const open = openThroughCdev(lab, lab.device('iommu-testdev'))
  const [a, b] = [lab.use(Memory.pages(pages * PAGE_SIZE)), lab.use(Memory.pages(pages * PAGE_SIZE))]
  return { ...open, testdev: new IommuTestdev(open), a, b }
}

const secondIoas = (iommu: IommuFd, memory: Memory) => {
  const ioas = iommu.ioasAlloc()
  ioas.map(memory, { iova: IOVA })
  return ioas
}

const replace = defineCase({
  name: 'replace-switches',
  title: 'attaching to another IOAS switches the translation at once and lets the old IOAS go',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: [...SOURCES, 'drivers/vfio/iommufd.c'] },
  provokes: FAULTS,
  run: (lab) => {
    const { iommu, ioas, device, testdev, a, b, ptId } = start(lab)
    ioas.map(a, { iova: IOVA })
    const other = secondIoas(iommu, b)
    equal(arrivals(testdev, [a, b]), [0], 'memories written before')
    const replaced = device.attach(other.id)
    equal(arrivals(testdev, [a, b]), [1], 'memories written after the first replacement')
    equal(replaced === ptId, false, 'both IOASes share one page table')
    device.attach(ioas.id)
    equal(arrivals(testdev, [a, b]), [0], 'memories written after the second replacement')
    other.destroy()
    expectErrno('EBUSY', () => { ioas.destroy() })
    equal(arrivals(testdev, [a, b]), [0], 'memories written after the replaced IOAS was destroyed')
  },
})

const failed = defineCase({
  name: 'failed-replace-keeps',
  title: 'a replacement that is refused changes nothing: the device goes on with the old IOAS',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { iommu, ioas, device, testdev, a, b } = start(lab)
    ioas.map(a, { iova: IOVA })
    const [subPage, unpinnable] = [secondIoas(iommu, b), secondIoas(iommu, b)]
    subPage.map({ address: b.address, length: 16 }, { iova: 0x2000_0000n })
    unpinnable.map(lab.use(Memory.inaccessible(PAGE_SIZE)), { iova: 0x2000_0000n })
    expectErrno('EADDRINUSE', () => device.attach(subPage.id))
    expectErrno('EFAULT', () => device.attach(unpinnable.id))
    expectErrno('ENOENT', () => device.attach(unpinnable.id + 100))
    equal(arrivals(testdev, [a, b]), [0], 'memories written after the refused replacements')
    subPage.destroy()
    unpinnable.destroy()
    expectErrno('EBUSY', () => { ioas.destroy() })
  },
})

const detached = defineCase({
  name: 'detached-is-blocked',
  title: 'a detached device reaches no memory; attached again it finds the mappings made meanwhile',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_DETACH_IOMMUFD_PT', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { ioas, device, testdev, a, b } = start(lab)
    ioas.map(a, { iova: IOVA })
    equal(arrivals(testdev, [a]), [0], 'memories written while attached')
    device.detach()
    equal(arrivals(testdev, [a]), [], 'memories written while detached')
    ioas.unmap(IOVA, PAGE)
    ioas.map(b, { iova: IOVA })
    equal(arrivals(testdev, [a, b]), [], 'memories written while detached and mapped anew')
    device.attach(ioas.id)
    equal(arrivals(testdev, [a, b]), [1], 'memories written after it was attached again')
  },
})

const stale = defineCase({
  name: 'unmap-is-seen',
  title: 'an unmapped IOVA is not translated any more, and what is mapped there next is',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_MAP'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { ioas, testdev, a, b } = start(lab, 2)
    for (let round = 0; round < 4; round += 1) {
      ioas.map(a, { iova: IOVA })
      equal(arrivals(testdev, [a, b], IOVA + PAGE), [0], 'memories written through the first mapping')
      ioas.unmap(IOVA, 2n * PAGE)
      if (round % 2 === 0) equal(arrivals(testdev, [a, b], IOVA + PAGE), [], 'memories written through no mapping')
      ioas.map(b, { iova: IOVA })
      equal(arrivals(testdev, [a, b], IOVA + PAGE), [1], 'memories written through the second mapping')
      ioas.unmap(IOVA, 2n * PAGE)
    }
    equal(arrivals(testdev, [a, b], IOVA), [], 'memories written at the end')
  },
})

const neighbours = defineCase({
  name: 'bounds-of-mapping',
  title: 'the pages beside a mapping are not translated, its first and last word are',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { ioas, testdev, a } = start(lab, 4)
    // The two pages in the middle only.
    ioas.map({ address: a.address + PAGE, length: 2n * PAGE }, { iova: IOVA })
    const written = (iova: bigint) => wordsWritten(testdev, a, iova).map((index) => index * 4)
    equal(written(IOVA), [PAGE_SIZE], 'bytes written through the first word')
    equal(written(IOVA + 2n * PAGE - 4n), [3 * PAGE_SIZE - 4], 'bytes written through the last word')
    equal(written(IOVA - 4n), [], 'bytes written below')
    equal(written(IOVA + 2n * PAGE), [], 'bytes written above')
  },
})

const readOnly = defineCase({
  name: 'read-only-is-kept',
  title: 'a device cannot write through a mapping that may only be read, be it mapped or copied so',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_COPY'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { ioas, testdev, a, b } = start(lab)
    const access = IOMMUFD.IOMMU_IOAS_MAP_READABLE
    ioas.map(a, { iova: IOVA, access })
    equal(arrivals(testdev, [a]), [], 'memories written through a read-only mapping')
    ioas.map(b, { iova: IOVA + PAGE })
    ioas.copyFrom(ioas, { from: IOVA + PAGE, length: PAGE, iova: IOVA + 2n * PAGE, access })
    equal(arrivals(testdev, [b], IOVA + 2n * PAGE), [], 'memories written through a read-only copy')
    equal(arrivals(testdev, [b], IOVA + PAGE), [0], 'memories written through what was copied')
  },
})

const copied = defineCase({
  name: 'copy-outlives-source',
  title: 'a copy is translated to the same memory, also after its source is unmapped and destroyed',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_COPY', 'IOMMU_IOAS_UNMAP', 'IOMMU_DESTROY'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { iommu, ioas, testdev, a, b } = start(lab, 3)
    const source = iommu.ioasAlloc()
    source.map(a, { iova: 0x7000_0000n })
    ioas.map(b, { iova: IOVA + PAGE })
    ioas.copyFrom(source, { from: 0x7000_0000n + PAGE, length: PAGE, iova: IOVA })
    source.destroy()
    equal(wordsWritten(testdev, a, IOVA + 8n), [(PAGE_SIZE + 8) / 4], 'words of the copied memory that were written')
    ioas.unmap(IOVA, PAGE)
    equal(arrivals(testdev, [a, b]), [], 'memories written after the copy was unmapped')
    equal(arrivals(testdev, [a, b], IOVA + PAGE), [1], 'memories written through the mapping beside it')
  },
})

const partly = defineCase({
  name: 'copy-from-the-middle',
  title: 'a copy that begins and ends within a mapping is translated to just those pages',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_COPY'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { ioas, testdev, a } = start(lab, 5)
    ioas.map(a, { iova: 0x7000_0000n })
    ioas.copyFrom(ioas, { from: 0x7000_0000n + 2n * PAGE, length: 2n * PAGE, iova: IOVA })
    const written = (iova: bigint) => wordsWritten(testdev, a, iova).map((index) => Math.floor((index * 4) / PAGE_SIZE))
    equal([-1n, 0n, 1n, 2n].map((page) => written(IOVA + page * PAGE)), [[], [2], [3], []], 'pages that are written through the pages before, in and behind the copy')
  },
})

const two = defineCase({
  name: 'two-ioases-two-tables',
  title: 'one mapping shared by two IOASes is translated by either, and leaving one does not end the other',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_COPY', 'IOMMU_IOAS_UNMAP'], sources: SOURCES },
  provokes: FAULTS,
  run: (lab) => {
    const { iommu, ioas, device, testdev, a } = start(lab)
    const other = iommu.ioasAlloc()
    ioas.map(a, { iova: IOVA })
    other.copyFrom(ioas, { from: IOVA, length: PAGE, iova: IOVA })
    device.attach(other.id)
    equal(arrivals(testdev, [a]), [0], 'memories written through the copy')
    ioas.unmapAll()
    equal(arrivals(testdev, [a]), [0], 'memories written after the original was unmapped')
    device.attach(ioas.id)
    equal(arrivals(testdev, [a]), [], 'memories written through the emptied IOAS')
    ioas.copyFrom(other, { from: IOVA, length: PAGE, iova: IOVA })
    equal(arrivals(testdev, [a]), [0], 'memories written through the copy of the copy')
  },
})

export const cdevTranslation = suite('cdev-translation', [replace, failed, detached, stale, neighbours, readOnly, copied, partly, two])
