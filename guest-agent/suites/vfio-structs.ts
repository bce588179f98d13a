import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { expectErrno } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import type { Fd } from '../sys/fd.ts'
import { ioctl, ioctlByNumber } from '../sys/ioctl.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOCTLS } from '../uapi/ioctls.ts'
import { VFIO, vfioStructs as s } from '../uapi/vfio.ts'
import { attachGroup, compatPath, openGroup } from '../vfio/attached-group.ts'
import { openCdev } from '../vfio/bound-cdev.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { atEndOfMemory, type StructRule, tooShort } from './struct-rules.ts'

/** A bit that no flags word of these structs defines. */
const NO_FLAG = 0x4000_0000

/** Nothing here changes the device: what would, has a flag that nobody defined. */
const DEVICE: readonly StructRule[] = [
  { name: 'VFIO_DEVICE_GET_INFO', shortest: 16, make: () => s.deviceInfo.make() },
  { name: 'VFIO_DEVICE_GET_REGION_INFO', shortest: 32, make: () => s.regionInfo.make() },
  { name: 'VFIO_DEVICE_GET_IRQ_INFO', shortest: 16, make: () => s.irqInfo.make() },
  { name: 'VFIO_DEVICE_SET_IRQS', shortest: 20, make: () => s.irqSet.make({ flags: NO_FLAG }) },
  { name: 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', shortest: 12, make: () => s.pciHotResetInfo.make() },
  { name: 'VFIO_DEVICE_PCI_HOT_RESET', shortest: 12, make: () => s.pciHotReset.make({ flags: NO_FLAG }) },
  { name: 'VFIO_DEVICE_IOEVENTFD', shortest: 28, make: () => s.deviceIoeventfd.make({ flags: NO_FLAG }) },
  { name: 'VFIO_DEVICE_FEATURE', shortest: 8, make: () => s.deviceFeature.make({ flags: NO_FLAG }) },
]

const BIND: StructRule = { name: 'VFIO_DEVICE_BIND_IOMMUFD', shortest: 16, make: () => s.deviceBindIommufd.make({ flags: NO_FLAG, iommufd: -1 }) }

/** Of a cdev that is bound. */
const BOUND: readonly StructRule[] = [
  { name: 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', shortest: 12, make: () => s.deviceAttachIommufdPt.make({ flags: NO_FLAG }) },
  { name: 'VFIO_DEVICE_DETACH_IOMMUFD_PT', shortest: 8, make: () => s.deviceDetachIommufdPt.make({ flags: NO_FLAG }) },
]

const CONTAINER: readonly StructRule[] = [
  { name: 'VFIO_IOMMU_GET_INFO', shortest: 16, make: () => s.iommuType1Info.make() },
  { name: 'VFIO_IOMMU_MAP_DMA', shortest: 32, make: () => s.iommuType1DmaMap.make({ flags: NO_FLAG }) },
  { name: 'VFIO_IOMMU_UNMAP_DMA', shortest: 24, make: () => s.iommuType1DmaUnmap.make({ flags: NO_FLAG }) },
  { name: 'VFIO_IOMMU_DIRTY_PAGES', shortest: 8, make: () => s.iommuType1DirtyBitmap.make({ flags: NO_FLAG }) },
]

const GROUP: readonly StructRule[] = [{ name: 'VFIO_GROUP_GET_STATUS', shortest: 8, make: () => s.groupStatus.make() }]

const namesOf = (rules: readonly StructRule[]) => rules.map(({ name }) => name)
const follows = (lab: CaseContext, fd: Fd, rules: readonly StructRule[]): void => {
  for (const rule of rules) {
    tooShort(fd, rule)
    atEndOfMemory(lab, fd, rule)
  }
}

const device = defineCase({
  name: 'device',
  title: 'a struct for a device that is shorter than its first version is EINVAL, one that is not all in memory EFAULT',
  needs: { access: 'any' },
  covers: { ioctls: namesOf(DEVICE), sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/vfio_main.c'] },
  run: (lab) => { follows(lab, openAnyDevice(lab, lab.device()).device.fd, DEVICE) },
})

const cdev = defineCase({
  name: 'cdev',
  title: 'the same of the structs that bind, attach and detach a cdev',
  needs: { access: 'cdev' },
  covers: { ioctls: namesOf([BIND, ...BOUND]), sources: ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c'] },
  run: (lab) => {
    const unbound = openCdev(lab)
    follows(lab, unbound.fd, [BIND])
    unbound.close()
    follows(lab, openAnyDevice(lab, lab.device()).device.fd, BOUND)
  },
})

const group = defineCase({
  name: 'group',
  title: 'the same of a group; a container and a name that lie in no memory are EFAULT',
  needs: { access: 'group' },
  covers: { ioctls: ['VFIO_GROUP_GET_STATUS', 'VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD'], sources: ['drivers/vfio/group.c'] },
  run: (lab) => {
    const { fd } = openGroup(lab)
    follows(lab, fd, GROUP)
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    for (const name of ['VFIO_GROUP_SET_CONTAINER', 'VFIO_GROUP_GET_DEVICE_FD'] as const) {
      for (const address of [0n, nowhere.address]) expectErrno('EFAULT', () => ioctlByNumber(fd, IOCTLS[name], address, name))
    }
  },
})

const containerRules = (lab: CaseContext, path: Parameters<typeof attachGroup>[1]): void => {
  const { container: { fd } } = attachGroup(lab, path)
  // The emulation lacks an ioctl, and says ENOTTY before it looks at anything.
  follows(lab, fd, CONTAINER.filter(({ name, make }) => outcomeOf(() => ioctl(fd, name, make())) !== 'ENOTTY'))
}

const COVERS = { ioctls: namesOf(CONTAINER), sources: ['drivers/vfio/vfio_iommu_type1.c', 'drivers/iommu/iommufd/vfio_compat.c'] }

const container = defineCase({
  name: 'container',
  title: "the same of a container's structs, behind VFIO's own type1",
  needs: { config: ['VFIO_CONTAINER'], access: 'group', iommu: 'present' },
  covers: COVERS,
  run: (lab) => { containerRules(lab, {}) },
})

const compat = defineCase({
  name: 'compat',
  title: "the same of a container's structs, behind iommufd's emulation",
  needs: { config: ['IOMMUFD'], access: 'group', iommu: 'present' },
  covers: COVERS,
  run: (lab) => { containerRules(lab, { path: compatPath(lab), iommuType: VFIO.VFIO_TYPE1v2_IOMMU }) },
})

export const vfioStructRules = suite('vfio-structs', [device, cdev, group, container, compat])
