import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, openGroup } from '../vfio/attached-group.ts'
import { containerDmaSpace } from '../vfio/dma-space.ts'

const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const IOVA = 0x10_0000n
const PATTERN = 0x1234_5678

export const containerType1Groups = suite('container-type1-groups', [
  defineCase({
    name: 'late-group',
    title: 'a group that joins a container finds what was mapped before, sees what is mapped after, and keeps both to the last',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'], deviceKind: 'iommu-testdev', devices: 2 },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_IOMMU_MAP_DMA', 'VFIO_GROUP_UNSET_CONTAINER'], sources: [TYPE1, 'drivers/vfio/container.c'] },
    run: (lab) => {
      const pci = lab.device('iommu-testdev')
      const { container, group: first } = attachGroup(lab, { pci: lab.inAnotherGroup(pci) })
      const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
      const page = (index: number) => ({ address: memory.address + BigInt(index * PAGE_SIZE), length: PAGE_SIZE })
      container.mapDma(page(0), IOVA)
      const group = openGroup(lab, pci)
      group.setContainer(container)
      expectErrno('EINVAL', () => { container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) })
      const device = lab.use(group.device(pci.bdf))
      const testdev = new IommuTestdev({ pci, device, dma: containerDmaSpace(container) })
      testdev.write(IOVA, 4)
      equal(memory.words[0], PATTERN, 'word written through the mapping made before the group joined')
      first.unsetContainer()
      container.mapDma(page(1), 2n * IOVA)
      testdev.write(2n * IOVA, 4)
      equal(memory.words[PAGE_SIZE / 4], PATTERN, 'word written through the mapping made after the first group left')
    },
  }),
])
