import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { compatPath, openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'

const { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_SPAPR_TCE_IOMMU, VFIO_NOIOMMU_IOMMU } = VFIO

export const containerSetIommu = suite('container-set-iommu', [
  defineCase({
    name: 'type1',
    title: 'a real group gets type1, once: an unknown type and noiommu are ENODEV, a second time EINVAL',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] },
    covers: { ioctls: ['VFIO_SET_IOMMU'], sources: ['drivers/vfio/container.c', 'drivers/vfio/vfio_iommu_type1.c'] },
    run: (lab) => {
      const container = lab.use(Container.open())
      openGroup(lab).setContainer(container)
      for (const type of [0, VFIO_SPAPR_TCE_IOMMU, VFIO_NOIOMMU_IOMMU, 0xffff]) expectErrno('ENODEV', () => { container.setIommu(type) })
      container.setIommu(VFIO_TYPE1_IOMMU)
      for (const type of [VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU]) expectErrno('EINVAL', () => { container.setIommu(type) })
    },
  }),
  defineCase({
    name: 'iommufd',
    title: 'iommufd takes either type1 again and again, but not the one of small pages once something is mapped for a device',
    needs: { access: 'group', iommu: 'present', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA'], sources: ['drivers/iommu/iommufd/vfio_compat.c', 'drivers/iommu/iommufd/io_pagetable.c'] },
    run: (lab) => {
      const { container } = openThroughGroup(lab, lab.device(), { container: compatPath(lab) })
      container.setIommu(VFIO_TYPE1v2_IOMMU)
      for (const type of [0, VFIO_SPAPR_TCE_IOMMU, VFIO_NOIOMMU_IOMMU]) expectErrno('EINVAL', () => { container.setIommu(type) })
      container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x10_0000n)
      container.setIommu(VFIO_TYPE1v2_IOMMU)
      expectErrno('EINVAL', () => { container.setIommu(VFIO_TYPE1_IOMMU) })
      equal(container.unmapDma(0n, 0n, VFIO.VFIO_DMA_UNMAP_FLAG_ALL), BigInt(PAGE_SIZE), 'bytes that were mapped')
      container.setIommu(VFIO_TYPE1_IOMMU)
    },
  }),
  defineCase({
    name: 'iommufd-ioas',
    title: 'a group gives iommufd an address space of its own accord, and uses the one that was chosen for it before',
    needs: { access: 'group', iommu: 'present', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'IOMMU_VFIO_IOAS', 'VFIO_IOMMU_MAP_DMA'], sources: ['drivers/iommu/iommufd/vfio_compat.c'] },
    run: (lab) => {
      const group = openGroup(lab)
      const made = lab.use(IommuFd.open())
      expectErrno('ENODEV', () => made.getVfioIoas())
      group.setContainer(made)
      made.getVfioIoas()
      group.unsetContainer()
      const chosen = lab.use(IommuFd.open())
      const ioas = chosen.ioasAlloc()
      chosen.setVfioIoas(ioas.id)
      group.setContainer(chosen)
      equal(chosen.getVfioIoas(), ioas.id, 'address space of the group')
      new Container(chosen.fd).mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x10_0000n)
      equal(ioas.unmap(0x10_0000n, PAGE_SIZE), BigInt(PAGE_SIZE), 'bytes that VFIO_IOMMU_MAP_DMA mapped there')
    },
  }),
])
