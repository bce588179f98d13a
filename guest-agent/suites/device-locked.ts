import { setImmediate } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { whileReset } from '../pci/while-reset.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { attachGroup } from '../vfio/attached-group.ts'
import { openCdev } from '../vfio/bound-cdev.ts'
import { openAnyDevice, openThroughCdev, openThroughGroup } from '../vfio/open-device.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

/** Its function level reset takes the kernel a tenth of a second, with the device locked. */
const KIND = 'nvme'
const NEEDS = { deviceKind: KIND, device: ['reset'] } as const

/** While sysfs resets the device, again and again, until `ask` is told EAGAIN. */
const toldWhileReset = (lab: CaseContext, pci: PciDevice, ask: () => unknown): Promise<boolean> =>
  whileReset(lab, pci, async (reset) => {
    while (!reset.over) {
      if (outcomeOf(ask) === 'EAGAIN') return true
      await setImmediate()
    }
    return false
  })

/** Open with what proves that it may be hot reset: its iommufd, or its group. */
const openForHotReset = (lab: CaseContext, pci: PciDevice): { readonly device: VfioDevice; readonly hotReset: () => void } => {
  if (pci.cdevNode !== undefined) {
    const { device } = openThroughCdev(lab, pci)
    return { device, hotReset: () => { device.hotReset([]) } }
  }
  const { device, group } = openThroughGroup(lab, pci)
  return { device, hotReset: () => { device.hotReset([group.fd]) } }
}

const HOT_RESET = { ioctls: ['VFIO_DEVICE_PCI_HOT_RESET'], sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/pci/pci.c'] } as const

export const deviceLocked = suite('device-locked', [
  defineCase({
    name: 'reset',
    title: 'a device that sysfs resets is not reset a second time meanwhile: EAGAIN, and afterwards it can be',
    needs: { ...NEEDS, access: 'any' },
    covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/pci/pci.c'] },
    run: async (lab) => {
      const pci = lab.device(KIND)
      const { device } = openAnyDevice(lab, pci)
      ok(await toldWhileReset(lab, pci, () => { device.reset() }), 'a reset while the device is locked must be EAGAIN')
      device.reset()
    },
  }),
  defineCase({
    name: 'bind',
    title: 'a device that sysfs resets is bound to no iommufd meanwhile: EAGAIN, and afterwards it can be',
    needs: { ...NEEDS, access: 'cdev' },
    covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: ['drivers/vfio/device_cdev.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
    run: async (lab) => {
      const pci = lab.device(KIND)
      const iommu = lab.use(IommuFd.open())
      const bind = (): void => {
        const cdev = openCdev(lab, pci)
        try {
          cdev.bind(iommu)
        } finally {
          cdev.close()
        }
      }
      ok(await toldWhileReset(lab, pci, bind), 'binding a device that is locked must be EAGAIN')
      bind()
    },
  }),
  defineCase({
    name: 'open',
    title: 'a device that sysfs resets is not opened through its group meanwhile: EAGAIN, and afterwards it can be',
    needs: { ...NEEDS, access: 'group', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: ['drivers/vfio/group.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
    run: async (lab) => {
      const pci = lab.device(KIND)
      const { group } = attachGroup(lab, { pci })
      const open = (): void => { group.device(pci.bdf).close() }
      ok(await toldWhileReset(lab, pci, open), 'opening a device that is locked must be EAGAIN')
      open()
    },
  }),
  defineCase({
    name: 'hot-reset',
    title: 'a device that sysfs resets is not hot reset meanwhile: EAGAIN, and afterwards it is locked no more',
    needs: { ...NEEDS, access: 'any' },
    covers: HOT_RESET,
    run: async (lab) => {
      const pci = lab.device(KIND)
      const { hotReset } = openForHotReset(lab, pci)
      ok(await toldWhileReset(lab, pci, hotReset), 'a hot reset while the device is locked must be EAGAIN')
      ok(outcomeOf(hotReset) !== 'EAGAIN', 'a hot reset when the device is locked no more must not be EAGAIN')
    },
  }),
  defineCase({
    name: 'hot-reset-of-another',
    title: 'a device that another process resets through VFIO is not hot reset meanwhile: EBUSY, and afterwards it is busy no more',
    needs: { ...NEEDS, access: 'any' },
    covers: HOT_RESET,
    run: async (lab) => {
      const { device, hotReset } = openForHotReset(lab, lab.device(KIND))
      const other = lab.use(new OtherProcess([device.fd]))
      let told = false
      while (!told && !lab.signal.aborted) {
        other.sendIoctl(other.fd(), 'VFIO_DEVICE_RESET')
        while (!told && !other.answered) {
          told = outcomeOf(hotReset) === 'EBUSY'
          await setImmediate()
        }
        other.receiveIoctl('VFIO_DEVICE_RESET')
      }
      ok(told, 'a hot reset while another process resets the device must be EBUSY')
      ok(outcomeOf(hotReset) !== 'EBUSY', 'a hot reset when nobody resets the device must not be EBUSY')
    },
  }),
])
