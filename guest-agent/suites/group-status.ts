import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openGroup, type ContainerPath } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import type { CaseContext } from '../case/case-context.ts'

const { VFIO_GROUP_FLAGS_VIABLE, VFIO_GROUP_FLAGS_CONTAINER_SET } = VFIO
const GROUP = 'drivers/vfio/group.c'

/** Viable and nothing else; with a container both; without it viable again. */
const flagsFollowContainer = (lab: CaseContext, path: ContainerPath): void => {
  const group = openGroup(lab)
  equal(group.status(), VFIO_GROUP_FLAGS_VIABLE, 'flags of a group of its own')
  group.setContainer(lab.use(Container.open(path)))
  equal(group.status(), VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET, 'flags with a container')
  group.unsetContainer()
  equal(group.status(), VFIO_GROUP_FLAGS_VIABLE, 'flags after the container was taken away')
}

export const groupStatus = suite('group-status', [
  defineCase({
    name: 'container',
    title: 'the flags tell viable and whether a container is set, with /dev/vfio/vfio',
    needs: { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_UNSET_CONTAINER'], sources: [GROUP] },
    run: (lab) => { flagsFollowContainer(lab, '/dev/vfio/vfio') },
  }),
  defineCase({
    name: 'iommufd',
    title: 'the flags tell viable and whether a container is set, with /dev/iommu in its place',
    needs: { access: 'group', config: ['IOMMUFD'] },
    covers: {
      ioctls: ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_UNSET_CONTAINER'],
      sources: [GROUP, 'drivers/iommu/iommufd/vfio_compat.c'],
    },
    run: (lab) => { flagsFollowContainer(lab, '/dev/iommu') },
  }),
  defineCase({
    name: 'refusals',
    title: 'a short argsz is EINVAL, memory that is not there EFAULT, an ioctl that a group does not have ENOTTY',
    needs: { access: 'group' },
    covers: { ioctls: ['VFIO_GROUP_GET_STATUS'], sources: [GROUP] },
    run: (lab) => {
      const group = openGroup(lab)
      for (const argsz of [0, 4, 7]) {
        expectErrno('EINVAL', () => group.ioctl('VFIO_GROUP_GET_STATUS', vfioStructs.groupStatus.make({ argsz })))
      }
      expectErrno('EFAULT', () => group.ioctl('VFIO_GROUP_GET_STATUS'))
      expectErrno('ENOTTY', () => group.ioctl('VFIO_DEVICE_GET_INFO', vfioStructs.deviceInfo.make()))
      expectErrno('ENOTTY', () => group.ioctl('VFIO_GET_API_VERSION'))
    },
  }),
])
