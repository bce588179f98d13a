import { defineCase, suite } from '../case/define-case.ts'
import { expectErrno } from '../case/expect.ts'
import { withoutCapability } from '../sys/capability.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { groupPath } from '../vfio/attached-group.ts'
import { openCdev } from '../vfio/bound-cdev.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'

const GROUP = 'drivers/vfio/group.c'

export const groupOpen = suite('group-open', [
  defineCase({
    name: 'once',
    title: 'a group is open once: EBUSY for the second, and free again after the first was closed',
    needs: { access: 'group' },
    covers: { ioctls: ['VFIO_GROUP_GET_STATUS'], sources: [GROUP] },
    run: (lab) => {
      const path = groupPath(lab.device())
      const first = lab.use(VfioGroup.open(path))
      expectErrno('EBUSY', () => VfioGroup.open(path))
      first.close()
      lab.use(VfioGroup.open(path)).status()
    },
  }),
  defineCase({
    name: 'noiommu-privilege',
    title: 'a noiommu group is EPERM for who lacks CAP_SYS_RAWIO',
    needs: { access: 'group', iommu: 'none', privilege: ['CAP_SYS_RAWIO'] },
    covers: { ioctls: ['VFIO_GROUP_GET_STATUS'], sources: [GROUP] },
    run: (lab) => {
      const path = groupPath(lab.device())
      withoutCapability('CAP_SYS_RAWIO', () => expectErrno('EPERM', () => VfioGroup.open(path)))
      lab.use(VfioGroup.open(path)).status()
    },
  }),
  defineCase({
    name: 'either-group-or-cdev',
    title: 'the group cannot be opened while a cdev of it is bound, nor a cdev be bound while the group is open: EBUSY',
    needs: { access: 'cdev', config: ['VFIO_GROUP'] },
    covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_STATUS'], sources: [GROUP, 'drivers/vfio/device_cdev.c'] },
    run: (lab) => {
      const path = groupPath(lab.device())
      const iommu = lab.use(IommuFd.open())
      const cdev = openCdev(lab)
      const group = lab.use(VfioGroup.open(path))
      expectErrno('EBUSY', () => cdev.bind(iommu))
      group.close()
      cdev.bind(iommu)
      expectErrno('EBUSY', () => VfioGroup.open(path))
      cdev.close()
      lab.use(VfioGroup.open(path)).status()
    },
  }),
])
