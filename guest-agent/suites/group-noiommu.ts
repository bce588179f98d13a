import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { withoutCapability } from '../sys/capability.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'

const { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_NOIOMMU_IOMMU, VFIO_UNMAP_ALL } = VFIO
const GROUP = 'drivers/vfio/group.c'
const CONTAINER = 'drivers/vfio/container.c'
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'

export const groupNoiommu = suite('group-noiommu', [
  defineCase({
    name: 'only-noiommu',
    title: 'a container with a noiommu group takes VFIO_NOIOMMU_IOMMU, once, and no other type, and maps nothing',
    needs: { access: 'group', iommu: 'none', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_GET_INFO'], sources: [CONTAINER] },
    run: (lab) => {
      const container = lab.use(Container.open())
      openGroup(lab).setContainer(container)
      equal(container.checkExtension(VFIO_NOIOMMU_IOMMU), 1, 'VFIO_NOIOMMU_IOMMU with a noiommu group')
      for (const type of [VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL]) {
        equal(container.checkExtension(type), 0, `extension ${type} with a noiommu group`)
        expectErrno('ENODEV', () => { container.setIommu(type) })
      }
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      expectErrno('EINVAL', () => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
      expectErrno('ENOTTY', () => { container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x1000n) })
      expectErrno('ENOTTY', () => container.unmapDma(0x1000n, PAGE_SIZE))
      expectErrno('ENOTTY', () => container.ioctl('VFIO_IOMMU_GET_INFO', vfioStructs.iommuType1Info.make()))
    },
  }),
  defineCase({
    name: 'container-privilege',
    title: 'every step from a noiommu group to its device wants CAP_SYS_RAWIO, whoever opened the group',
    needs: { access: 'group', iommu: 'none', config: ['VFIO_CONTAINER'], privilege: ['CAP_SYS_RAWIO'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [CONTAINER, GROUP] },
    run: (lab) => {
      const container = lab.use(Container.open())
      const group = openGroup(lab)
      const refused = (step: () => unknown) => withoutCapability('CAP_SYS_RAWIO', () => expectErrno('EPERM', step))
      refused(() => { group.setContainer(container) })
      group.setContainer(container)
      refused(() => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      refused(() => group.device(lab.device().bdf))
    },
  }),
  defineCase({
    name: 'iommufd-privilege',
    title: 'with /dev/iommu as the container VFIO_SET_IOMMU and the device of a noiommu group want CAP_SYS_RAWIO too',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'], privilege: ['CAP_SYS_RAWIO'] },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [COMPAT, GROUP] },
    run: (lab) => {
      const { group, container, pci } = attachGroup(lab, { path: '/dev/iommu' })
      withoutCapability('CAP_SYS_RAWIO', () => {
        expectErrno('EPERM', () => { container.setIommu(VFIO_NOIOMMU_IOMMU) })
        expectErrno('EPERM', () => group.device(pci.bdf))
      })
    },
  }),
  defineCase({
    name: 'iommufd',
    title: '/dev/iommu as the container of a noiommu group knows VFIO_NOIOMMU_IOMMU only and has no address space',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'] },
    covers: {
      ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_CHECK_EXTENSION', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_GROUP_GET_DEVICE_FD'],
      sources: [COMPAT, GROUP, 'drivers/vfio/iommufd.c'],
    },
    run: (lab) => {
      const container = lab.use(Container.open('/dev/iommu'))
      const group = openGroup(lab)
      group.setContainer(container)
      equal(container.checkExtension(VFIO_NOIOMMU_IOMMU), 1, 'VFIO_NOIOMMU_IOMMU with a noiommu group')
      for (const type of [VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU]) {
        equal(container.checkExtension(type), 0, `extension ${type} with a noiommu group`)
        expectErrno('EINVAL', () => { container.setIommu(type) })
      }
      container.setIommu(VFIO_NOIOMMU_IOMMU)
      expectErrno('ENODEV', () => { container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x1000n) })
      lab.use(group.device(lab.device().bdf)).info()
    },
  }),
  defineCase({
    name: 'iommufd-with-ioas',
    title: 'an iommufd whose user expects translation is no container for a noiommu group: EINVAL before, EPERM for the device after',
    needs: { access: 'group', iommu: 'none', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_VFIO_IOAS'], sources: [COMPAT, GROUP] },
    run: (lab) => {
      const iommu = lab.use(IommuFd.open())
      const group = openGroup(lab)
      iommu.setVfioIoas(iommu.ioasAlloc().id)
      expectErrno('EINVAL', () => { group.setContainer(iommu) })
      iommu.clearVfioIoas()
      group.setContainer(iommu)
      iommu.setVfioIoas(iommu.ioasAlloc().id)
      expectErrno('EPERM', () => group.device(lab.device().bdf))
    },
  }),
  defineCase({
    name: 'dma',
    title: 'a device of a noiommu group writes to the physical address it is given',
    needs: { access: 'group', iommu: 'none', device: ['dma-write', 'fault-report'], config: ['VFIO_CONTAINER'], privilege: ['CAP_SYS_ADMIN'] },
    covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [CONTAINER, GROUP] },
    run: async (lab) => {
      const open = openThroughGroup(lab, lab.device(['dma-write', 'fault-report']))
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const writer = await dmaWriter(lab, open)
      const report = await writer.dmaWrite(open.dma.map(memory), 64)
      equalWritten(memory.bytes.slice(0, 64), report, 'memory at the physical address')
    },
  }),
])
