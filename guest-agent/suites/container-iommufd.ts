import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, compatPath } from '../vfio/attached-group.ts'
import { compatIoas } from '../vfio/compat-ioas.ts'
import { openThroughGroup } from '../vfio/open-device.ts'

const {
  VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_DMA_MAP_FLAG_VADDR, VFIO_DMA_UNMAP_FLAG_ALL, VFIO_DMA_UNMAP_FLAG_VADDR,
  VFIO_TYPE1_IOMMU,
} = VFIO
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'
const IO_PAGETABLE = 'drivers/iommu/iommufd/io_pagetable.c'
const NEEDS = { access: 'group', iommu: 'present', config: ['IOMMUFD'] } as const
const IOVA = 0x10_0000n
const PAGE = BigInt(PAGE_SIZE)
const READ_WRITE = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE
const PATTERN = 0x1234_5678
/** Where x86 has its MSIs. */
const INTERRUPTS = 0xfee0_0000n

export const containerIommufd = suite('container-iommufd', [
  defineCase({
    name: 'map',
    title: 'VFIO_IOMMU_MAP_DMA of iommufd refuses what type1 refuses, and the updates of addresses that only type1 has',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: [COMPAT, IO_PAGETABLE, 'drivers/iommu/iommufd/pages.c'] },
    run: (lab) => {
      const { container } = openThroughGroup(lab, lab.device(), { container: compatPath(lab) })
      const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
      const good = { flags: READ_WRITE, vaddr: memory.address, iova: IOVA, size: PAGE }
      const map = (change: Partial<typeof good & { readonly argsz: number }> = {}) =>
        container.ioctl('VFIO_IOMMU_MAP_DMA', vfioStructs.iommuType1DmaMap.make({ ...good, ...change }))
      for (const argsz of [0, 24, 31]) expectErrno('EINVAL', () => map({ argsz }))
      for (const flags of [VFIO_DMA_MAP_FLAG_VADDR, 8, READ_WRITE | 0x8000_0000]) expectErrno('EINVAL', () => map({ flags }))
      for (const size of [0n, 1n, PAGE + 1n]) expectErrno('EINVAL', () => map({ size }))
      expectErrno('EINVAL', () => map({ iova: IOVA + 8n }))
      expectErrno('EINVAL', () => map({ vaddr: memory.address + 8n }))
      expectErrno('EINVAL', () => map({ iova: INTERRUPTS }))
      expectErrno('EOVERFLOW', () => map({ iova: -PAGE & 0xffff_ffff_ffff_ffffn, size: 2n * PAGE }))
      expectErrno('EFAULT', () => { container.mapDma(lab.use(Memory.inaccessible(PAGE_SIZE)), IOVA) })
      expectErrno('EFAULT', () => { container.mapDma(lab.use(Memory.readOnly(PAGE_SIZE)), IOVA) })
      map({ size: 2n * PAGE })
      for (const iova of [IOVA, IOVA + PAGE]) expectErrno('EEXIST', () => map({ iova }))
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), 2n * PAGE, 'bytes that were mapped')
    },
  }),
  defineCase({
    name: 'unmap',
    title: 'VFIO_IOMMU_UNMAP_DMA of iommufd unmaps whole mappings, over holes too; a part of one is ENOENT',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [COMPAT, IO_PAGETABLE] },
    run: (lab) => {
      const { container } = openThroughGroup(lab, lab.device(), { container: compatPath(lab) })
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, IOVA)
      const refused = (code: string, change: { readonly argsz?: number; readonly flags?: number; readonly iova?: bigint; readonly size?: bigint }) =>
        expectErrno(code, () => container.ioctl('VFIO_IOMMU_UNMAP_DMA', vfioStructs.iommuType1DmaUnmap.make({ iova: IOVA, size: 4n * PAGE, ...change })))
      for (const argsz of [0, 16, 23]) refused('EINVAL', { argsz })
      for (const flags of [VFIO_DMA_UNMAP_FLAG_VADDR, 8, 0x8000_0000]) refused('EINVAL', { flags })
      refused('EINVAL', { size: 0n })
      refused('EINVAL', { flags: VFIO_DMA_UNMAP_FLAG_ALL, size: 0n })
      refused('EINVAL', { flags: VFIO_DMA_UNMAP_FLAG_ALL, iova: 0n })
      refused('EOVERFLOW', { size: -PAGE & 0xffff_ffff_ffff_ffffn })
      for (const [first, pages] of [[0n, 1n], [3n, 1n], [1n, 2n], [-1n, 2n]] as const) {
        refused('ENOENT', { iova: IOVA + first * PAGE, size: pages * PAGE })
      }
      equal(container.unmapDma(2n * IOVA, PAGE_SIZE), 0n, 'bytes unmapped where nothing is')
      container.mapDma(memory, IOVA + 8n * PAGE)
      equal(container.unmapDma(IOVA - PAGE, 16 * PAGE_SIZE), 8n * PAGE, 'bytes unmapped of two mappings with a hole between')
    },
  }),
  defineCase({
    name: 'split',
    title: 'as type1 of the first version iommufd cuts a page out of a mapping: it faults for the device, its neighbours do not',
    needs: { ...NEEDS, deviceKind: 'iommu-testdev' },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_MAP_DMA'], sources: [COMPAT, IO_PAGETABLE] },
    provokes: IOMMU_FAULTS,
    run: (lab) => {
      const open = openThroughGroup(lab, lab.device('iommu-testdev'), { container: compatPath(lab), iommuType: VFIO_TYPE1_IOMMU })
      const { container } = open
      const testdev = new IommuTestdev(open)
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, IOVA)
      equal(container.unmapDma(IOVA + PAGE, PAGE_SIZE), PAGE, 'bytes cut out of the middle')
      for (const page of [0, 1, 2, 3]) testdev.write(IOVA + BigInt(page) * PAGE, 4)
      equal([0, 1, 2, 3].map((page) => memory.words[page * PAGE_SIZE / 4]), [PATTERN, 0, PATTERN, PATTERN], 'first words of the four pages')
      expectErrno('EEXIST', () => { container.mapDma(memory, IOVA) })
      container.mapDma({ address: memory.address + PAGE, length: PAGE_SIZE }, IOVA + PAGE)
      equal(container.unmapDma(IOVA, 4 * PAGE_SIZE), 4n * PAGE, 'bytes of all four pages')
    },
  }),
  defineCase({
    name: 'reserved-mapping',
    title: 'a device is not opened where its IOAS has a mapping at an address that its IOMMU keeps for interrupts: EADDRINUSE',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_IOAS_MAP'], sources: ['drivers/vfio/group.c', 'drivers/vfio/iommufd.c', IO_PAGETABLE] },
    run: (lab) => {
      const { pci, group, container } = attachGroup(lab, { path: '/dev/iommu' })
      const ioas = compatIoas(container)
      ioas.map(lab.use(Memory.pages(PAGE_SIZE)), { iova: INTERRUPTS })
      expectErrno('EADDRINUSE', () => group.device(pci.bdf))
      equal(ioas.unmapAll(), PAGE, 'bytes of the mapping')
      lab.use(group.device(pci.bdf))
    },
  }),
])
