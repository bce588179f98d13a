import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, openGroup } from '../vfio/attached-group.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { memfd } from '../sys/memfd.ts'

const { VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_VADDR, VFIO_DMA_UNMAP_FLAG_ALL, VFIO_DMA_UNMAP_FLAG_VADDR } = VFIO
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const NEEDS = { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] } as const
const IOVA = 0x10_0000n
const PAGE = BigInt(PAGE_SIZE)
const PATTERN = 0x1234_5678

export const containerType1Vaddr = suite('container-type1-vaddr', [
  defineCase({
    name: 'update',
    title: 'a mapping whose address was invalidated stays mapped for the device and takes a new address of the same size, once',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
      const page = { address: memory.address, length: PAGE_SIZE }
      const update = (iova = IOVA, source: { readonly address: bigint; readonly length: number } = memory) => {
        container.mapDma(source, iova, VFIO_DMA_MAP_FLAG_VADDR)
      }
      container.mapDma(memory, IOVA)
      expectErrno('EINVAL', () => { update() })
      expectErrno('ENOENT', () => { update(2n * IOVA) })
      expectErrno('EINVAL', () => { container.mapDma(memory, IOVA, VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_READ) })
      equal(container.unmapDma(IOVA, memory.length, VFIO_DMA_UNMAP_FLAG_VADDR), 2n * PAGE, 'bytes invalidated')
      expectErrno('EINVAL', () => container.unmapDma(IOVA, memory.length, VFIO_DMA_UNMAP_FLAG_VADDR))
      expectErrno('EEXIST', () => { container.mapDma(memory, IOVA) })
      expectErrno('EINVAL', () => { update(IOVA, page) })
      expectErrno('EINVAL', () => { update(IOVA + PAGE, page) })
      update()
      expectErrno('EINVAL', () => { update() })
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR), 2n * PAGE, 'bytes invalidated by ALL')
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), 2n * PAGE, 'bytes of the mapping that has no address')
    },
  }),
  defineCase({
    name: 'second-group',
    title: 'no group joins a container in which a mapping has no address: EBUSY until it has one again',
    needs: { ...NEEDS, devices: 2 },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const pci = lab.device()
      const { container } = attachGroup(lab, { pci })
      const other = openGroup(lab, lab.inAnotherGroup(pci))
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      container.mapDma(memory, IOVA)
      container.unmapDma(IOVA, memory.length, VFIO_DMA_UNMAP_FLAG_VADDR)
      expectErrno('EBUSY', () => { other.setContainer(container) })
      container.mapDma(memory, IOVA, VFIO_DMA_MAP_FLAG_VADDR)
      other.setContainer(container)
    },
  }),
  defineCase({
    name: 'dma',
    title: 'the device goes on writing to the same memory while the process moves it elsewhere in its address space',
    needs: { ...NEEDS, deviceKind: 'iommu-testdev' },
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const open = openThroughGroup(lab, lab.device('iommu-testdev'))
      const testdev = new IommuTestdev(open)
      const file = lab.use(memfd(PAGE_SIZE))
      const before = lab.use(Memory.ofFile(file, PAGE_SIZE))
      open.container.mapDma(before, IOVA)
      open.container.unmapDma(IOVA, PAGE_SIZE, VFIO_DMA_UNMAP_FLAG_VADDR)
      before.unmap()
      testdev.write(IOVA, 4)
      const after = lab.use(Memory.ofFile(file, PAGE_SIZE))
      equal(after.words[0], PATTERN, 'word that the device wrote while the mapping had no address')
      open.container.mapDma(after, IOVA, VFIO_DMA_MAP_FLAG_VADDR)
      testdev.write(IOVA + 8n, 4)
      equal(after.words[2], PATTERN, 'word that the device wrote at the new address')
    },
  }),
])
