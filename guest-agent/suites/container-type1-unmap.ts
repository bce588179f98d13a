import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup } from '../vfio/attached-group.ts'

const { VFIO_DMA_UNMAP_FLAG_ALL, VFIO_DMA_UNMAP_FLAG_VADDR, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, VFIO_TYPE1_IOMMU } = VFIO
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const NEEDS = { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] } as const
const IOVA = 0x10_0000n
const PAGE = BigInt(PAGE_SIZE)

export const containerType1Unmap = suite('container-type1-unmap', [
  defineCase({
    name: 'arguments',
    title: 'an unmap with a wrong length, flag, size or alignment, or of a range that wraps, is refused and unmaps nothing',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), IOVA)
      const good = { flags: 0, iova: IOVA, size: PAGE }
      const refused = (code: string, change: Partial<typeof good & { readonly argsz: number }>) =>
        expectErrno(code, () => container.ioctl('VFIO_IOMMU_UNMAP_DMA', vfioStructs.iommuType1DmaUnmap.make({ ...good, ...change })))
      for (const argsz of [0, 16, 23]) refused('EINVAL', { argsz })
      for (const flags of [8, 0x8000_0000]) refused('EINVAL', { flags })
      const bitmapAnd = (flags: number) => VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP | flags
      refused('EINVAL', { flags: bitmapAnd(VFIO_DMA_UNMAP_FLAG_ALL), iova: 0n, size: 0n })
      refused('EINVAL', { flags: bitmapAnd(VFIO_DMA_UNMAP_FLAG_VADDR) })
      refused('EINVAL', { flags: VFIO_DMA_UNMAP_FLAG_ALL, size: 0n })
      refused('EINVAL', { flags: VFIO_DMA_UNMAP_FLAG_ALL, iova: 0n })
      for (const size of [0n, 1n, PAGE + 1n]) refused('EINVAL', { size })
      refused('EINVAL', { iova: IOVA + 1n })
      refused('EOVERFLOW', { size: -PAGE & 0xffff_ffff_ffff_ffffn })
      expectErrno('EFAULT', () => container.ioctl('VFIO_IOMMU_UNMAP_DMA'))
      equal(container.unmapDma(IOVA, PAGE_SIZE), PAGE, 'bytes still mapped after the refusals')
    },
  }),
  defineCase({
    name: 'v2',
    title: 'type1v2 unmaps whole mappings, several at once and over holes, but never a part of one (EINVAL)',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, IOVA)
      for (const [first, pages] of [[0n, 1], [3n, 1], [1n, 2], [-1n, 2], [3n, 2]] as const) {
        expectErrno('EINVAL', () => container.unmapDma(IOVA + first * PAGE, pages * PAGE_SIZE))
      }
      equal(container.unmapDma(2n * IOVA, PAGE_SIZE), 0n, 'bytes unmapped where nothing is')
      equal(container.unmapDma(IOVA - PAGE, 6 * PAGE_SIZE), 4n * PAGE, 'bytes unmapped by a range that is larger than the mapping')
      container.mapDma(memory, IOVA)
      container.mapDma(memory, IOVA + 8n * PAGE)
      container.mapDma(memory, IOVA + 32n * PAGE)
      equal(container.unmapDma(IOVA, 16 * PAGE_SIZE), 8n * PAGE, 'bytes unmapped of two mappings with a hole between')
      equal(container.unmapDma(IOVA + 32n * PAGE, 4 * PAGE_SIZE), 4n * PAGE, 'bytes of the third mapping')
    },
  }),
  defineCase({
    name: 'v1',
    title: 'type1 of the first version unmaps a mapping with its first page, and nothing (0 bytes) without it',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'VFIO_SET_IOMMU'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab, { iommuType: VFIO_TYPE1_IOMMU })
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, IOVA)
      equal(container.unmapDma(IOVA + PAGE, PAGE_SIZE), 0n, 'bytes unmapped by a page from the middle')
      equal(container.unmapDma(IOVA + 3n * PAGE, 4 * PAGE_SIZE), 0n, 'bytes unmapped by a range from the last page on')
      expectErrno('EEXIST', () => { container.mapDma({ address: memory.address, length: PAGE_SIZE }, IOVA + PAGE) })
      equal(container.unmapDma(IOVA, PAGE_SIZE), 4n * PAGE, 'bytes unmapped by the first page')
      container.mapDma(memory, IOVA)
      equal(container.unmapDma(IOVA - PAGE, 2 * PAGE_SIZE), 4n * PAGE, 'bytes unmapped by a range that ends in the first page')
    },
  }),
  defineCase({
    name: 'all',
    title: 'VFIO_DMA_UNMAP_FLAG_ALL unmaps everything, wherever it lies, and tells how much that was',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
      for (const iova of [0n, IOVA, 0x8000_0000n, 0x1_0000_0000n]) container.mapDma(memory, iova)
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), 8n * PAGE, 'bytes unmapped')
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), 0n, 'bytes unmapped the second time')
      container.mapDma(memory, IOVA)
    },
  }),
])
