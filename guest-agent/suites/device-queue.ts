import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import { kindsWith } from '../case/kinds.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import { drive, offered } from '../devices/drive.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

/** Above everything that a driver maps for itself. */
const IOVA = 0x12_3456_7000n

export const deviceQueue = suite('device-queue', kindsWith(['queue-fault']).map((kind) => defineCase({
  name: `fault-${kind}`,
  title: `${kind} tells of a descriptor that is not mapped and goes on, stops at a queue that is not mapped, and works again after a reset`,
  needs: { access: 'any', iommu: 'present', deviceKind: kind, device: ['queue-fault', 'reset'] },
  covers: { ioctls: ['VFIO_DEVICE_RESET', 'IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_UNMAP_DMA'], sources: ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/vfio/vfio_iommu_type1.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
  provokes: IOMMU_FAULTS,
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const driver = async () => {
      const { reachesDescriptor, reachesQueue } = await drive(lab, open)
      return { descriptor: offered(open, 'queue-fault', reachesDescriptor), queue: offered(open, 'queue-fault', reachesQueue) }
    }
    const reaches = await driver()
    equal(await reaches.descriptor(IOVA), false, 'the device reached a descriptor that is not mapped')
    open.dma.map(memory, { iova: IOVA })
    equal(await reaches.descriptor(IOVA), true, 'the device reached a descriptor that is mapped now')
    open.dma.unmap(IOVA)
    equal(await reaches.queue(IOVA), false, 'the device reached a queue that is not mapped')
    open.device.reset()
    const again = await driver()
    open.dma.map(memory, { iova: IOVA })
    equal(await again.queue(IOVA), true, 'the device reached its queue after the reset')
  },
})))
