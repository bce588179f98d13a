import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { Memory, PAGE_SIZE, addressOf } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, compatPath } from '../vfio/attached-group.ts'
import type { Container } from '../vfio/container.ts'

const {
  VFIO_IOMMU_DIRTY_PAGES_FLAG_START: START, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP: STOP, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP: GET_BITMAP,
  VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, VFIO_TYPE1_IOMMU,
} = VFIO
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const NEEDS = { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] } as const
const IOVA = 0x10_0000n
const PAGE = BigInt(PAGE_SIZE)

interface Range {
  readonly iova?: bigint
  readonly size?: bigint
  readonly pageSize?: bigint
  /** Bytes of the bitmap that the kernel is told of. */
  readonly bitmapBytes?: bigint
}

const command = (container: Container, flags: number): number =>
  container.ioctl('VFIO_IOMMU_DIRTY_PAGES', vfioStructs.iommuType1DirtyBitmap.make({ flags }))

/** struct vfio_bitmap over memory of our own. */
const bitmap = (pages: Uint8Array, { pageSize = PAGE, bitmapBytes = 8n }: Range): Uint8Array =>
  vfioStructs.bitmap.make({ pgsize: pageSize, size: bitmapBytes, data: addressOf(pages) }).bytes

/** The dirty bits of a range, a bit a page. */
const dirtyPages = (container: Container, range: Range = {}): bigint => {
  const pages = new Uint8Array(new ArrayBuffer(8))
  const place = new BigUint64Array([range.iova ?? IOVA, range.size ?? 4n * PAGE])
  const tail = Uint8Array.from([...new Uint8Array(place.buffer), ...bitmap(pages, range)])
  container.ioctl('VFIO_IOMMU_DIRTY_PAGES', vfioStructs.iommuType1DirtyBitmap.make({ flags: GET_BITMAP }, { tail }))
  return new DataView(pages.buffer).getBigUint64(0, true)
}

export const containerType1Dirty = suite('container-type1-dirty', [
  defineCase({
    name: 'bitmap',
    title: 'while tracking is on every page that the device could write is dirty, in its place of the bitmap; off, there is none',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES', 'VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, IOVA)
      expectErrno('EINVAL', () => dirtyPages(container))
      command(container, START)
      command(container, START)
      container.mapDma({ address: memory.address, length: 2 * PAGE_SIZE }, IOVA + 6n * PAGE)
      equal(dirtyPages(container), 0b1111n, 'dirty pages of the mapping made before tracking')
      equal(dirtyPages(container, { size: 8n * PAGE }), 0b1100_1111n, 'dirty pages of both mappings and the hole between')
      const pages = new Uint8Array(new ArrayBuffer(8))
      const unmap = vfioStructs.iommuType1DmaUnmap.make(
        { flags: VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, iova: IOVA, size: 4n * PAGE },
        { tail: bitmap(pages, {}) },
      )
      container.ioctl('VFIO_IOMMU_UNMAP_DMA', unmap)
      equal(unmap.get('size'), 4n * PAGE, 'bytes unmapped with their bitmap')
      equal(pages[0], 0b1111, 'dirty pages told by the unmap')
      command(container, STOP)
      expectErrno('EINVAL', () => dirtyPages(container, { iova: IOVA + 6n * PAGE, size: 2n * PAGE }))
    },
  }),
  defineCase({
    name: 'bitmap-of-several',
    title: 'the bits of several mappings lie in their places, where one begins in the middle of a 64-bit word and ends in another too',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(200 * PAGE_SIZE))
      // First page and number of pages of each mapping.
      const mappings = [[0, 1], [3, 37], [50, 30], [100, 100]] as const
      for (const [first, pages] of mappings) container.mapDma({ address: memory.address, length: pages * PAGE_SIZE }, IOVA + BigInt(first) * PAGE)
      command(container, START)
      const bits = new Uint8Array(new ArrayBuffer(32))
      const place = new BigUint64Array([IOVA, 200n * PAGE])
      const tail = Uint8Array.from([...new Uint8Array(place.buffer), ...bitmap(bits, { bitmapBytes: 32n })])
      container.ioctl('VFIO_IOMMU_DIRTY_PAGES', vfioStructs.iommuType1DirtyBitmap.make({ flags: GET_BITMAP }, { tail }))
      const clean = Array.from({ length: 256 }, (_, page) => page).filter((page) => ((bits[page >> 3] ?? 0) >> (page & 7) & 1) === 0)
      const holes = Array.from({ length: 256 }, (_, page) => page).filter((page) => !mappings.some(([first, pages]) => page >= first && page < first + pages))
      equal(clean, holes, 'pages that are told as clean')
      command(container, STOP)
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'one command at a time, a range that cuts no mapping, the smallest page size and room enough for the bits: else EINVAL',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      container.mapDma(lab.use(Memory.pages(4 * PAGE_SIZE)), IOVA)
      for (const flags of [START | STOP, START | GET_BITMAP, 8, 0x8000_0000]) expectErrno('EINVAL', () => command(container, flags))
      command(container, START)
      const refused = (code: string, range: Range) => expectErrno(code, () => dirtyPages(container, range))
      refused('EINVAL', { size: 0n })
      refused('EINVAL', { size: PAGE })
      refused('EINVAL', { iova: IOVA + PAGE, size: 3n * PAGE })
      refused('EINVAL', { iova: IOVA + 8n })
      refused('EINVAL', { size: 4n * PAGE + 8n })
      refused('EINVAL', { pageSize: 2n * PAGE })
      refused('EINVAL', { bitmapBytes: 0n })
      // 65 pages take 16 bytes of bitmap.
      refused('EINVAL', { size: 65n * PAGE })
      refused('EOVERFLOW', { iova: -PAGE & 0xffff_ffff_ffff_ffffn, size: 2n * PAGE })
      equal(dirtyPages(container), 0b1111n, 'dirty pages after the refusals')
    },
  }),
  defineCase({
    name: 'v1',
    title: 'type1 of the first version tracks nothing: EACCES',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab, { iommuType: VFIO_TYPE1_IOMMU })
      for (const flags of [START, STOP, GET_BITMAP]) expectErrno('EACCES', () => command(container, flags))
    },
  }),
  defineCase({
    name: 'iommufd',
    title: 'iommufd as a container tracks nothing: ENOTTY, and EINVAL for an unmap that asks for the bitmap',
    needs: { access: 'group', iommu: 'present', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES', 'VFIO_IOMMU_UNMAP_DMA'], sources: ['drivers/iommu/iommufd/vfio_compat.c'] },
    run: (lab) => {
      const { container } = attachGroup(lab, { path: compatPath(lab) })
      for (const flags of [START, STOP, GET_BITMAP]) expectErrno('ENOTTY', () => command(container, flags))
      expectErrno('EINVAL', () => container.unmapDma(IOVA, PAGE_SIZE, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
    },
  }),
])
