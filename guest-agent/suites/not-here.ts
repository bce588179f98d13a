import { defineCase, suite } from '../case/define-case.ts'
import { expectErrno } from '../case/expect.ts'
import { ioctl } from '../sys/ioctl.ts'
import { VFIO, vfioStructs as s } from '../uapi/vfio.ts'
import { openGroup } from '../vfio/attached-group.ts'
import { openCdev } from '../vfio/bound-cdev.ts'
import { Container } from '../vfio/container.ts'
import { openAnyDevice, openThroughGroup } from '../vfio/open-device.ts'

const POWERPC = ['VFIO_IOMMU_ENABLE', 'VFIO_IOMMU_DISABLE'] as const
/** Of devices that are no PCI device. */
const OTHER_DEVICES = ['VFIO_DEVICE_QUERY_GFX_PLANE', 'VFIO_DEVICE_GET_GFX_DMABUF', 'VFIO_MIG_GET_PRECOPY_INFO'] as const
const CDEV_ONLY = ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'] as const

const powerpc = defineCase({
  name: 'powerpc',
  title: "a container of type1 or without an IOMMU has none of PowerPC's ioctls; without any type it is EINVAL",
  needs: { access: 'group', config: ['VFIO_CONTAINER'] },
  covers: { ioctls: POWERPC, sources: ['drivers/vfio/container.c', 'drivers/vfio/vfio_iommu_type1.c'] },
  run: (lab) => {
    const container = lab.use(Container.open())
    const allAre = (code: string) => { for (const name of POWERPC) expectErrno(code, () => ioctl(container.fd, name)) }
    allAre('EINVAL')
    openGroup(lab).setContainer(container)
    allAre('EINVAL')
    container.setIommu(lab.hasIommu ? VFIO.VFIO_TYPE1v2_IOMMU : VFIO.VFIO_NOIOMMU_IOMMU)
    allAre('ENOTTY')
  },
})

const compat = defineCase({
  name: 'powerpc-compat',
  title: "iommufd's emulation has none of PowerPC's ioctls",
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: POWERPC, sources: ['drivers/iommu/iommufd/vfio_compat.c'] },
  run: (lab) => {
    const container = lab.use(Container.open('/dev/iommu'))
    for (const name of POWERPC) expectErrno('ENOTTY', () => ioctl(container.fd, name))
  },
})

const otherDevices = defineCase({
  name: 'other-devices',
  title: 'a PCI device has no planes of graphics and no file of its migration',
  needs: { access: 'any' },
  covers: { ioctls: OTHER_DEVICES, sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/vfio_main.c'] },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device())
    for (const name of OTHER_DEVICES) expectErrno('ENOTTY', () => device.ioctl(name, new Uint8Array(64)))
  },
})

const unbound = defineCase({
  name: 'unbound',
  title: 'a cdev that is not bound answers no ioctl of a device, whichever it is: EINVAL',
  needs: { access: 'cdev' },
  covers: { ioctls: [...OTHER_DEVICES, 'VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_RESET', 'VFIO_DEVICE_FEATURE'], sources: ['drivers/vfio/vfio_main.c'] },
  run: (lab) => {
    const cdev = openCdev(lab)
    for (const name of [...OTHER_DEVICES, 'VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_RESET', 'VFIO_DEVICE_FEATURE'] as const) {
      expectErrno('EINVAL', () => cdev.ioctl(name, new Uint8Array(64)))
    }
  },
})

const throughGroup = defineCase({
  name: 'through-group',
  title: 'a device that was opened through its group is not bound, attached or detached: it has a group for that',
  needs: { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
  covers: { ioctls: CDEV_ONLY, sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
  run: (lab) => {
    const { device } = openThroughGroup(lab, lab.device())
    expectErrno(lab.config('VFIO_DEVICE_CDEV') ? 'EINVAL' : 'ENOTTY', () => device.ioctl('VFIO_DEVICE_BIND_IOMMUFD', s.deviceBindIommufd.make({ iommufd: -1 })))
    expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', s.deviceAttachIommufdPt.make({ pt_id: 1 })))
    expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', s.deviceDetachIommufdPt.make()))
  },
})

const pasid = defineCase({
  name: 'pasid',
  title: 'a PASID beyond what the kernel can number is ENOSPC, one that the device cannot have is refused, and its attachment stays as it is',
  needs: { access: 'cdev', uapi: ['VFIO_DEVICE_ATTACH_PASID'] },
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: ['drivers/vfio/iommufd.c', 'drivers/vfio/device_cdev.c', 'drivers/iommu/iommufd/device.c'] },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device())
    const attach = (id: number) => device.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', s.deviceAttachIommufdPt.make({ flags: VFIO.VFIO_DEVICE_ATTACH_PASID, pt_id: 1, pasid: id }))
    for (const id of [0x8000_0000, 0xffff_ffff]) expectErrno('ENOSPC', () => attach(id))
    for (const id of [1, 0xf_ffff, 0x10_0000]) expectErrno(['EINVAL', 'ENODEV', 'ENOENT', 'EOPNOTSUPP'], () => attach(id))
    // Nothing is attached by these: detaching a PASID that was never attached says nothing.
    device.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', s.deviceDetachIommufdPt.make())
  },
})

export const notHere = suite('not-here', [powerpc, compat, otherDevices, unbound, throughGroup, pasid])
