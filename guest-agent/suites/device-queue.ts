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
  title: `${kind} works with a queue in mapped memory, fails with one that is not mapped, and works again after a reset`,
  needs: { access: 'any', iommu: 'present', deviceKind: kind, device: ['queue-fault', 'reset'] },
  covers: { ioctls: ['VFIO_DEVICE_RESET', 'IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_UNMAP_DMA'], sources: ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/vfio/vfio_iommu_type1.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
  provokes: IOMMU_FAULTS,
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const reaches = async (address: bigint): Promise<boolean> => {
      memory.bytes.fill(0)
      const { reachesQueue } = await drive(lab, open)
      return await offered(open, 'queue-fault', reachesQueue)(address)
    }
    const address = open.dma.map(memory, { iova: IOVA })
    equal(await reaches(address), true, 'the device reached its queue')
    open.dma.unmap(address)
    open.device.reset()
    equal(await reaches(address), false, 'the device reached a queue that is not mapped')
    open.device.reset()
    equal(await reaches(open.dma.map(memory, { iova: IOVA })), true, 'the device reached its queue after the reset')
  },
})))
