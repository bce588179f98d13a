import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { whileReset } from '../pci/while-reset.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

/** The kernel blocks a device that keeps translations while it is reset: the group gets no other page table then. */
const NEEDS = { iommu: ['intel', 'device-iotlb'], device: ['ats', 'reset'] } as const
const SOURCES = ['drivers/iommu/iommu.c']
/** One reset after the other is asked in the middle of at another time, because a reset of a bus waits long and blocks shortly. */
const AMID_MS = [30, 20, 40, 10, 50]

/** What `ask` is told in the middle of a reset must be EBUSY; where it came too early or too late, `again` makes it as it was. */
const busyWhileReset = async (lab: CaseContext, pci: PciDevice, ask: () => unknown, again: () => void): Promise<void> => {
  let resets = 0
  ok(await whileReset(lab, pci, async () => {
    await setTimeout(AMID_MS[resets++ % AMID_MS.length])
    const told = outcomeOf(ask)
    if (told === 'EBUSY') return true
    if (told !== 'ok') throw new Failed(`EBUSY expected in the middle of a reset, got ${told}`)
    again()
    return false
  }), 'in the middle of a reset it must be EBUSY')
}

export const atsReset = suite('ats-reset', [
  defineCase({
    name: 'attach',
    title: 'a device that sysfs resets gets no other page table meanwhile: EBUSY, and afterwards it gets it',
    needs: { ...NEEDS, access: 'cdev' },
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/iommu/iommufd/device.c'] },
    run: async (lab) => {
      const pci = lab.device(NEEDS.device)
      const { device, ioas, iommu } = openThroughCdev(lab, pci)
      const other = iommu.ioasAlloc()
      await busyWhileReset(lab, pci, () => device.attach(other.id), () => { device.attach(ioas.id) })
      device.attach(other.id)
    },
  }),
  defineCase({
    name: 'set-iommu',
    title: 'a container gets no IOMMU while sysfs resets the device in it: EBUSY, and afterwards it gets it',
    needs: { ...NEEDS, access: 'group', config: ['VFIO_CONTAINER'] },
    covers: { ioctls: ['VFIO_SET_IOMMU'], sources: [...SOURCES, 'drivers/vfio/vfio_iommu_type1.c'] },
    run: async (lab) => {
      const pci = lab.device(NEEDS.device)
      const container = lab.use(Container.open())
      const group = openGroup(lab, pci)
      group.setContainer(container)
      const setIommu = () => { container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) }
      await busyWhileReset(lab, pci, setIommu, () => {
        group.unsetContainer()
        group.setContainer(container)
      })
      setIommu()
    },
  }),
])
