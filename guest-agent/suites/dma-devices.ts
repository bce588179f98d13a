import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { dmaReader } from '../devices/drive.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { ioasDmaSpace } from '../vfio/dma-space.ts'

const NEEDS = { access: 'cdev', iommu: 'present', deviceKind: 'iommu-testdev', besides: ['edu'] } as const
const SOURCES = ['drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/io_pagetable.c']
const IOVA = 0x10_0000n
const PATTERN = 0x1234_5678

/** edu and iommu-testdev in one iommufd context, attached to nothing yet. */
const openBoth = (lab: CaseContext) => {
  const pci = { edu: lab.device('edu'), testdev: lab.device('iommu-testdev') }
  const { iommu, cdev: eduCdev } = bindCdev(lab, pci.edu)
  const { cdev: testdevCdev } = bindCdev(lab, pci.testdev, iommu)
  return {
    iommu,
    attachEdu: async (ioas: Ioas) => {
      eduCdev.attach(ioas.id)
      return await dmaReader(lab, { pci: pci.edu, device: eduCdev, dma: ioasDmaSpace(ioas) })
    },
    attachTestdev: (ioas: Ioas) => {
      testdevCdev.attach(ioas.id)
      return new IommuTestdev({ pci: pci.testdev, device: testdevCdev, dma: ioasDmaSpace(ioas) })
    },
  }
}

export const dmaDevices = suite('dma-devices', [
  defineCase({
    name: 'one-space',
    title: 'two devices in one address space meet in the same memory, mapped before and after the second one came',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'], sources: SOURCES },
    run: async (lab) => {
      const { iommu, attachEdu, attachTestdev } = openBoth(lab)
      const ioas = iommu.ioasAlloc()
      const [first, second] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
      const reader = await attachEdu(ioas)
      ioas.map(first, { iova: IOVA })
      const testdev = attachTestdev(ioas)
      ioas.map(second, { iova: 2n * IOVA })
      testdev.write(IOVA, 16)
      testdev.write(2n * IOVA, 16)
      equal([first.words[0], second.words[0]], [PATTERN, PATTERN], 'what one device wrote')
      equalBytes(await reader.dmaRead(IOVA, 64) ?? new Uint8Array(), first.bytes.slice(0, 64), 'what the other one read')
    },
  }),
  defineCase({
    name: 'two-spaces',
    title: 'two devices in two address spaces do not reach each other\'s memory, at the same IOVA neither',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'], sources: SOURCES },
    provokes: IOMMU_FAULTS,
    run: async (lab) => {
      const { iommu, attachEdu, attachTestdev } = openBoth(lab)
      const [mine, other] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
      const [first, second] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
      await attachEdu(other)
      other.map(first, { iova: IOVA })
      const testdev = attachTestdev(mine)
      testdev.write(IOVA, 16)
      equal(first.words[0], 0, 'memory of the other space, nothing being mapped in the own one')
      mine.map(second, { iova: IOVA })
      testdev.write(IOVA, 16)
      equal([first.words[0], second.words[0]], [0, PATTERN], 'memory of the other space and of the own one')
    },
  }),
])
