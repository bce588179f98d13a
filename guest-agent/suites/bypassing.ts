import { defineCase, suite } from '../case/define-case.ts'
import { type CaseContext } from '../case/case-context.ts'
import { equal, expectErrno, Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { physicalAddress } from '../sys/physical.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { openAnyDevice, openThroughCdev } from '../vfio/open-device.ts'

const MAIN = 'drivers/vfio/vfio_main.c'
const IOAS = 'drivers/iommu/iommufd/ioas.c'
const NEEDS = { iommu: 'present', topology: ['bypassing'], device: [] } as const
const CDEV_NEEDS = { ...NEEDS, access: 'cdev', config: ['IOMMUFD_NOIOMMU'], uapi: ['IOMMU_IOAS_NOIOMMU_GET_PA'] } as const

const outsider = (lab: CaseContext): PciDevice => {
  const found = lab.bypassingDevices.find(({ kind }) => kind === 'edu')
  if (found === undefined) throw new Failed('no edu of this machine bypasses its IOMMU')
  return found
}

/** Devices that the machine's IOMMU does not see, beside others that it does. */
export const bypassing = suite('bypassing', [
  defineCase({
    name: 'no-group',
    title: 'a device that the IOMMU does not see is in no group of it, and its nodes say noiommu; those behind the IOMMU do not',
    needs: { ...NEEDS, config: ['VFIO_NOIOMMU'], access: 'any' },
    covers: { ioctls: [], sources: [MAIN, 'drivers/vfio/group.c'] },
    run: (lab) => {
      const outside = outsider(lab)
      const inside = lab.device()
      equal(inside.groupIsNoiommu, false, `${inside.toString()} is in a group without an IOMMU`)
      equal((inside.vfioName ?? 'vfio').startsWith('vfio'), true, `${inside.toString()} is named as behind an IOMMU`)
      if (lab.config('VFIO_GROUP')) equal(outside.groupIsNoiommu, true, `${outside.toString()} is in a group without an IOMMU`)
      if (lab.config('IOMMUFD_NOIOMMU')) equal((outside.vfioName ?? '').startsWith('noiommu-vfio'), true, `${outside.toString()} is named noiommu`)
    },
  }),
  defineCase({
    name: 'refused',
    title: 'without noiommu mode vfio-pci refuses a device that the IOMMU does not see (EINVAL), although others are behind it',
    needs: { ...NEEDS, config: ['!VFIO_NOIOMMU'], access: 'any' },
    covers: { ioctls: [], sources: [MAIN, 'drivers/vfio/group.c'] },
    run: (lab) => {
      const outside = outsider(lab)
      expectErrno('EINVAL', () => { outside.bind() })
      equal([outside.driver, outside.vfioName], [undefined, undefined], 'driver and VFIO device of the refused one')
    },
  }),
  defineCase({
    name: 'dma',
    title: 'the device reaches memory by its physical address, whatever the IOMMU of the machine translates',
    needs: { ...NEEDS, config: ['VFIO_NOIOMMU'], access: 'any' },
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [MAIN, 'drivers/iommu/iommufd/hwpt_noiommu.c'] },
    run: async (lab) => {
      const open = openAnyDevice(lab, outsider(lab))
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = open.dma.map(memory)
      equal(address, physicalAddress(memory), 'the address that the device is given')
      const report = await (await dmaWriter(lab, open)).dmaWrite(address, 64)
      equalWritten(memory.bytes.slice(0, 64), report, 'memory after the DMA')
    },
  }),
  defineCase({
    name: 'two-kinds-in-one-space',
    title: 'an IOAS takes a device that bypasses the IOMMU and then one behind it, and gives physical addresses as long as the first is there',
    needs: CDEV_NEEDS,
    covers: { ioctls: ['IOMMU_IOAS_NOIOMMU_GET_PA', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [IOAS, 'drivers/iommu/iommufd/io_pagetable.c'] },
    run: (lab) => {
      const { iommu, cdev: inside } = bindCdev(lab, lab.device())
      const { cdev: outside } = bindCdev(lab, outsider(lab), iommu)
      const ioas = iommu.ioasAlloc()
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const iova = ioas.map(memory)
      const physical = physicalAddress(memory)
      // The other way round the kernel takes the HWPT of the IOMMU for the bypassing device, too, and there is no physical address to be had.
      outside.attach(ioas.id)
      equal(ioas.noiommuGetPa(iova, 1n).physical, physical, 'the physical address')
      inside.attach(ioas.id)
      equal(ioas.noiommuGetPa(iova, 1n).physical, physical, 'the physical address, with both kinds attached')
      outside.detach()
      expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, 1n))
    },
  }),
  defineCase({
    name: 'other-kind-first',
    title: 'an IOAS that the IOMMU translates for one device tells none of its physical addresses, or the right one, to a page table without an IOMMU',
    needs: CDEV_NEEDS,
    covers: { ioctls: ['IOMMU_IOAS_NOIOMMU_GET_PA', 'IOMMU_HWPT_ALLOC', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [IOAS, 'drivers/iommu/iommufd/io_pagetable.c'] },
    run: (lab) => {
      const { iommu, ioas, device: inside } = openThroughCdev(lab, lab.device())
      const { cdev: outside, deviceId } = bindCdev(lab, outsider(lab), iommu)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const iova = ioas.map(memory)
      const physical = physicalAddress(memory)
      expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, 1n))
      // Of its own: left to itself the device is given the page table that is there.
      outside.attach(iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
      // Addresses are kept by the page table that came first, so this kernel may not know it.
      const told = outcomeOf(() => { equal(ioas.noiommuGetPa(iova, 1n).physical, physical, 'the physical address, with both kinds attached') })
      ok(['ok', 'EOPNOTSUPP'].includes(told), `ok or EOPNOTSUPP expected with both kinds attached, got ${told}`)
      inside.detach()
      equal(ioas.noiommuGetPa(iova, 1n).physical, physical, 'the physical address by the page table that is left')
    },
  }),
  defineCase({
    name: 'two-spaces',
    title: 'each kind of device has an IOAS of its own in one iommufd',
    needs: CDEV_NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [IOAS] },
    run: (lab) => {
      const { iommu } = openThroughCdev(lab, lab.device())
      const outside = openCdev(lab, outsider(lab))
      outside.bind(iommu)
      const ioas = iommu.ioasAlloc()
      outside.attach(ioas.id)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      equal(ioas.noiommuGetPa(ioas.map(memory), 1n).physical, physicalAddress(memory), 'the physical address')
    },
  }),
])
