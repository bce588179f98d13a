import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, Failed } from '../case/expect.ts'
import { pciAddress } from '../pci/pci-address.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { allowVirtualFunctions, borrowVirtualFunctions } from '../pci/virtual-functions.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openGroup } from '../vfio/attached-group.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { firstWords } from '../vfio/first-words.ts'
import { openAnyDevice, openThroughCdev, openThroughGroup, type OpenDevice } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const { VFIO_PCI_HOT_RESET_FLAG_DEV_ID, VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED } = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const RESET = ['reset'] as const
const GROUP_NEEDS = { access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], device: RESET, devices: 2 } as const

/** The address of a device, as struct vfio_pci_dependent_device has it. */
const placeOf = ({ bdf }: PciDevice) => {
  const { segment, bus, slot, function: last } = pciAddress(bdf)
  return { segment, bus, devfn: slot * 8 + last }
}

/** Too little room is ENOSPC with the number of devices; with room for it the device stands alone behind its port. */
const tellsOneDevice = ({ device, pci }: OpenDevice, flags: number, id: number): void => {
  for (const argsz of [0, 8, 11]) {
    expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', vfioStructs.pciHotResetInfo.make({ argsz })))
  }
  for (const tail of [0, 7]) {
    const short = vfioStructs.pciHotResetInfo.make({}, { tail })
    expectErrno('ENOSPC', () => device.ioctl('VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', short))
    equal(short.get('count'), 1, 'number of devices, told to who has no room for them')
  }
  equal(device.hotResetInfo(1), { flags, devices: [{ id, ...placeOf(pci) }] }, 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO')
}

const resets = (open: OpenDevice, reset: () => void): void => {
  const before = firstWords(open)
  reset()
  equal(firstWords(open), before, 'first words of the BARs after the hot reset')
}

const refusals = ({ device }: OpenDevice, refused: readonly (readonly [string, readonly number[]])[]): void => {
  const { pciHotReset } = vfioStructs
  expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_PCI_HOT_RESET', pciHotReset.make({ argsz: 11 })))
  expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_PCI_HOT_RESET', pciHotReset.make({ flags: 1 })))
  for (const [code, fds] of refused) {
    expectErrno(code, () => device.ioctl('VFIO_DEVICE_PCI_HOT_RESET', pciHotReset.make({ count: fds.length }, { tail: int32s(fds) })))
  }
}

export const hotReset = suite('hot-reset', [
  defineCase({
    name: 'group-info',
    title: 'through its group a device tells which devices a hot reset takes, by their groups; argsz is followed',
    needs: GROUP_NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE] },
    run: (lab) => {
      const open = openThroughGroup(lab, lab.device(RESET))
      tellsOneDevice(open, 0, open.pci.groupNumber ?? -1)
    },
  }),
  defineCase({
    name: 'group-info-after-cdev',
    title: 'a device that was open through its cdev before is told by groups and reset by them when it is open through its group',
    needs: { ...GROUP_NEEDS, access: 'cdev', config: [...GROUP_NEEDS.config, 'VFIO_GROUP'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', 'VFIO_DEVICE_PCI_HOT_RESET'], sources: [CORE, 'drivers/vfio/device_cdev.c'] },
    run: (lab) => {
      const pci = lab.device(RESET)
      const { cdev } = bindCdev(lab, pci)
      cdev.close()
      const open = openThroughGroup(lab, pci)
      tellsOneDevice(open, 0, open.pci.groupNumber ?? -1)
      resets(open, () => { open.device.hotReset([open.group.fd]) })
    },
  }),
  defineCase({
    name: 'group',
    title: 'a hot reset wants exactly the groups of the devices that it takes: any other descriptor is refused',
    needs: GROUP_NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_PCI_HOT_RESET'], sources: [CORE, 'drivers/vfio/group.c'] },
    run: (lab) => {
      const open = openThroughGroup(lab, lab.device(RESET))
      const own = open.group.fd.number
      const foreign = openGroup(lab, lab.inAnotherGroup(open.pci)).fd.number
      const event = lab.use(new EventFd()).fd.number
      refusals(open, [
        ['EINVAL', []], ['EBADF', [1 << 20]], ['EINVAL', [event]], ['EINVAL', [open.device.fd.number]], ['EINVAL', [foreign]], ['EINVAL', [own, foreign]],
      ])
      resets(open, () => { open.device.hotReset([open.group.fd]) })
    },
  }),
  defineCase({
    name: 'cdev-info',
    title: 'through its cdev a device tells which devices a hot reset takes, by their ids in its iommufd',
    needs: { access: 'cdev', device: RESET },
    covers: { ioctls: ['VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE, 'drivers/vfio/iommufd.c'] },
    run: (lab) => {
      const open = openThroughCdev(lab, lab.device(RESET))
      tellsOneDevice(open, VFIO_PCI_HOT_RESET_FLAG_DEV_ID | VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED, open.deviceId)
    },
  }),
  defineCase({
    name: 'cdev',
    title: 'through its cdev a device is hot reset without a descriptor, its iommufd is the proof; with one it is EINVAL',
    needs: { access: 'cdev', device: RESET },
    covers: { ioctls: ['VFIO_DEVICE_PCI_HOT_RESET'], sources: [CORE, 'drivers/vfio/iommufd.c'] },
    run: (lab) => {
      const open = openThroughCdev(lab, lab.device(RESET))
      refusals(open, [['EINVAL', [open.iommu.fd.number]], ['EINVAL', [open.device.fd.number]], ['EINVAL', [-1]]])
      resets(open, () => { open.device.hotReset([]) })
    },
  }),
  defineCase({
    name: 'root-bus',
    title: 'a device on the root bus is hot reset by nobody, and tells nothing of it: ENODEV',
    // Of all devices it alone stands there.
    needs: { access: 'any', deviceKind: 'ivshmem' },
    covers: { ioctls: ['VFIO_DEVICE_PCI_HOT_RESET', 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('ivshmem'))
      expectErrno('ENODEV', () => device.hotResetInfo())
      expectErrno('ENODEV', () => { device.hotReset([]) })
    },
  }),
  defineCase({
    name: 'group-info-without-group',
    title: 'through its group a device does not tell which devices a hot reset takes while one of them has no group: EPERM',
    // There only VFIO gives a device a group, and takes it back.
    needs: { ...GROUP_NEEDS, iommu: 'none', device: ['sr-iov'], config: [...GROUP_NEEDS.config, 'PCI_IOV'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE] },
    timeoutMs: 10_000,
    run: async (lab) => {
      const pci = lab.device(['sr-iov'])
      allowVirtualFunctions(lab, true)
      const [first] = await borrowVirtualFunctions(lab, pci, 1)
      if (first === undefined) throw new Failed('no virtual function')
      const { device } = openThroughGroup(lab, pci)
      equal(device.hotResetInfo().devices.length, 2, 'devices that a hot reset takes')
      await first.unbind()
      equal(first.groupNumber, undefined, 'group of the virtual function without a driver')
      expectErrno('EPERM', () => device.hotResetInfo())
    },
  }),
])
