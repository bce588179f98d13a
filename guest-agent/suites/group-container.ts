import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Fd } from '../sys/fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, openGroup, type ContainerPath } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const GROUP = 'drivers/vfio/group.c'
const CONTAINER = 'drivers/vfio/container.c'
const IOVA = 0x10_0000n

const setTwice = (lab: CaseContext, path: ContainerPath): void => {
  const group = openGroup(lab)
  const container = lab.use(Container.open(path))
  const other = lab.use(Container.open(path))
  expectErrno('EINVAL', () => { group.unsetContainer() })
  group.setContainer(container)
  expectErrno('EINVAL', () => { group.setContainer(container) })
  expectErrno('EINVAL', () => { group.setContainer(other) })
  group.unsetContainer()
  expectErrno('EINVAL', () => { group.unsetContainer() })
  group.setContainer(other)
}

export const groupContainer = suite('group-container', [
  defineCase({
    name: 'wrong-descriptor',
    title: 'a descriptor that is none is EBADF, one that is no container EBADFD, no memory EFAULT; the group stays as it was',
    needs: { access: 'group' },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_STATUS'], sources: [GROUP] },
    run: (lab) => {
      const group = openGroup(lab)
      expectErrno('EFAULT', () => group.ioctl('VFIO_GROUP_SET_CONTAINER'))
      for (const fd of [-1, 1 << 20]) expectErrno('EBADF', () => group.ioctl('VFIO_GROUP_SET_CONTAINER', int32s([fd])))
      expectErrno('EBADFD', () => { group.setContainer(lab.use(new EventFd())) })
      expectErrno('EBADFD', () => { group.setContainer({ fd: lab.use(Fd.open('/dev/null')) }) })
      expectErrno('EBADFD', () => { group.setContainer(group) })
      equal(group.status(), VFIO.VFIO_GROUP_FLAGS_VIABLE, 'flags after the refusals')
    },
  }),
  defineCase({
    name: 'one-container',
    title: 'a group is in one container at a time: a second SET and an UNSET without one are EINVAL',
    needs: { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_UNSET_CONTAINER'], sources: [GROUP] },
    run: (lab) => { setTwice(lab, '/dev/vfio/vfio') },
  }),
  defineCase({
    name: 'one-iommufd',
    title: 'a group takes one iommufd at a time: a second SET and an UNSET without one are EINVAL',
    needs: { access: 'group', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_UNSET_CONTAINER'], sources: [GROUP] },
    run: (lab) => { setTwice(lab, '/dev/iommu') },
  }),
  defineCase({
    name: 'unset-in-use',
    title: 'the container cannot be taken away while a device of the group is open (EBUSY), and can once it is closed',
    needs: { access: 'group', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_UNSET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, CONTAINER] },
    run: (lab) => {
      const { group, device } = openThroughGroup(lab, lab.device())
      expectErrno('EBUSY', () => { group.unsetContainer() })
      device.info()
      device.close()
      group.unsetContainer()
      equal(group.status(), VFIO.VFIO_GROUP_FLAGS_VIABLE, 'flags after the container was taken away')
    },
  }),
  defineCase({
    name: 'iommufd-unset-in-use',
    title: 'an iommufd may be taken from the group of an open device: the device goes on, no further one can be opened',
    needs: { access: 'group', config: ['IOMMUFD'] },
    covers: {
      ioctls: ['VFIO_GROUP_UNSET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD'],
      sources: [GROUP, 'drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c'],
    },
    run: (lab) => {
      const { group, device, container, pci } = openThroughGroup(lab, lab.device(), { container: '/dev/iommu' })
      const { regions } = device.info()
      group.unsetContainer()
      container.close()
      equal(device.info().regions, regions, 'regions of the device that is still open')
      expectErrno('EINVAL', () => group.device(pci.bdf))
    },
  }),
  defineCase({
    name: 'last-group-leaves',
    title: 'when its last group leaves or is closed, a container loses its IOMMU and all mappings',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] },
    covers: {
      ioctls: ['VFIO_GROUP_UNSET_CONTAINER', 'VFIO_SET_IOMMU', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'],
      sources: [CONTAINER, 'drivers/vfio/vfio_iommu_type1.c'],
    },
    run: (lab) => {
      const { group, container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      container.mapDma(memory, IOVA)
      group.unsetContainer()
      expectErrno('EINVAL', () => { container.mapDma(memory, IOVA) })
      expectErrno('EINVAL', () => { container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) })
      group.setContainer(container)
      expectErrno('EINVAL', () => { container.mapDma(memory, IOVA) })
      container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
      equal(container.unmapDma(IOVA, PAGE_SIZE), 0n, 'bytes mapped in the new IOMMU')
      container.mapDma(memory, IOVA)
      group.close()
      expectErrno('EINVAL', () => { container.mapDma(memory, IOVA) })
    },
  }),
])
