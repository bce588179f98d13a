import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { PCI_INTERRUPT_LINE } from '../pci/header.ts'
import { checked } from '../sys/libc.ts'
import { VFIO } from '../uapi/vfio.ts'
import { attachGroup, openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'

const GROUP = 'drivers/vfio/group.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
const F_GETFD = 1
const FD_CLOEXEC = 1
const UUID = 'bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3'

/** A NUL-terminated string. */
const text = (string: string): Uint8Array => new TextEncoder().encode(`${string}\0`)

export const groupDevice = suite('group-device', [
  defineCase({
    name: 'wants-iommu',
    title: 'a group without a container gives no device (EINVAL), nor does one whose container has no IOMMU yet',
    needs: { access: 'group' },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_GROUP_SET_CONTAINER'], sources: [GROUP, 'drivers/vfio/container.c'] },
    run: (lab) => {
      const { bdf } = lab.device()
      const group = openGroup(lab)
      expectErrno('EINVAL', () => group.device(bdf))
      // iommufd makes the address space when the group comes, VFIO's own container only by VFIO_SET_IOMMU.
      if (!lab.config('VFIO_CONTAINER')) return
      group.setContainer(lab.use(Container.open()))
      expectErrno('EINVAL', () => group.device(bdf))
    },
  }),
  defineCase({
    name: 'names',
    title: 'a name that is not exactly that of a device of the group is ENODEV; options that do not fit it are EINVAL',
    needs: { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, CORE] },
    run: (lab) => {
      const { group, pci: { bdf } } = attachGroup(lab, { pci: lab.device('edu') })
      const refused = (code: string, name: string) => expectErrno(code, () => group.ioctl('VFIO_GROUP_GET_DEVICE_FD', text(name)))
      for (const name of ['', '0000:ff:1f.7', bdf.slice(0, -1), bdf.slice(5), `${bdf}0`, `x${bdf}`]) refused('ENODEV', name)
      for (const option of ['bogus', 'vf_token=', `vf_token=${UUID.slice(1)}`, `vf_token=${UUID} vf_token=${UUID}`]) refused('EINVAL', `${bdf} ${option}`)
      // The device is neither a virtual function nor has any: the token would go unused.
      refused('EINVAL', `${bdf} vf_token=${UUID}`)
      refused('EINVAL', 'x'.repeat(4096))
      expectErrno('EFAULT', () => group.ioctl('VFIO_GROUP_GET_DEVICE_FD'))
    },
  }),
  defineCase({
    name: 'twice',
    title: 'a device may be opened twice through its group: both descriptors are the same device, and one outlives the other',
    needs: { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_DEVICE_GET_REGION_INFO'], sources: [GROUP, 'drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      const { group, device, pci } = openThroughGroup(lab, lab.device())
      const second = lab.use(group.device(`${pci.bdf} `))
      equal(checked('fcntl(device, F_GETFD)', (c) => c.fcntl(second.fd.number, F_GETFD, 0)), FD_CLOEXEC, 'flags of the descriptor')
      device.write(CONFIG, PCI_INTERRUPT_LINE, 1, 0x5a)
      equal(second.read(CONFIG, PCI_INTERRUPT_LINE, 1), 0x5a, 'what the first descriptor wrote, read by the second')
      device.close()
      equal(second.read(CONFIG, PCI_INTERRUPT_LINE, 1), 0x5a, 'the same after the first was closed')
    },
  }),
  defineCase({
    name: 'keeps-group',
    title: 'an open device keeps its group open and its container set after their own descriptors were closed',
    needs: { access: 'group', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'VFIO_DEVICE_GET_INFO'], sources: [GROUP, 'drivers/vfio/container.c'] },
    run: (lab) => {
      const { group, container, device, pci } = openThroughGroup(lab, lab.device())
      const path = pci.groupNode ?? ''
      group.close()
      container.close()
      expectErrno('EBUSY', () => VfioGroup.open(path))
      device.info()
      device.close()
      equal(lab.use(VfioGroup.open(path)).status(), VFIO.VFIO_GROUP_FLAGS_VIABLE, 'flags of the group, opened anew')
    },
  }),
])
