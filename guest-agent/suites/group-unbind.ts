import fs from 'node:fs'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, groupPath, openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'

const GROUP = 'drivers/vfio/group.c'

export const groupUnbind = suite('group-unbind', [
  defineCase({
    name: 'orphan',
    title: 'a group that is open does not hold its device; once the last is unbound the group is ENODEV for everything',
    needs: { access: 'group', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, 'drivers/vfio/container.c'] },
    run: async (lab) => {
      const pci = lab.device()
      const path = groupPath(pci)
      const { group, container } = attachGroup(lab, { pci })
      const unbound = pci.unbind()
      // Binding it again waits for the end of the unbind, and that, should the kernel be wrong, for the group.
      lab.defer(async () => {
        group.close()
        await unbound
        pci.bind()
      })
      await unbound
      equal(fs.existsSync(path), false, `${path} exists after its device was unbound`)
      expectErrno('ENODEV', () => group.status())
      expectErrno('ENODEV', () => { group.setContainer(lab.use(Container.open())) })
      expectErrno('ENODEV', () => group.device(pci.bdf))
      expectErrno('EINVAL', () => { container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) })
      group.close()
      pci.bind()
      equal(openGroup(lab, pci).status(), VFIO.VFIO_GROUP_FLAGS_VIABLE, 'flags of the group of the device that was bound again')
    },
  }),
])
