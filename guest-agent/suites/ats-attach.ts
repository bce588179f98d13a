import { defineCase, suite } from '../case/define-case.ts'
import { equal, ok } from '../case/expect.ts'
import { openAtsTarget } from '../devices/ats-target.ts'
import { PcieAtsTestdev } from '../devices/pcie-ats-testdev.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

/** What a device keeps of an address space must be gone when it has left it. As in ats.ts, every case makes it keep the translation first. */
const NEEDS = { access: 'cdev', iommu: ['intel', 'device-iotlb'], device: ['ats'] } as const
const SOURCES = ['drivers/iommu/intel/cache.c', 'drivers/iommu/intel/iommu.c', 'drivers/iommu/intel/pasid.c', 'drivers/iommu/iommufd/device.c']
const FAULT = ['DMAR: .*fault']
const IOVA = 0x12_3456_7000n

export const atsAttach = suite('ats-attach', [
  defineCase({
    name: 'detach',
    title: 'a device that was detached reaches nothing by what it kept, and attached again what is mapped then',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_DETACH_IOMMUFD_PT', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { device, ioas, arrivesIn } = await openAtsTarget(lab, openThroughCdev)
      const memories = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))] as const
      ioas.map(memories[0], { iova: IOVA })
      equal(await arrivesIn(IOVA, memories), 0, 'memory written while attached')
      device.detach()
      equal(await arrivesIn(IOVA, memories), -1, 'memory written while detached')
      ioas.unmap(IOVA, PAGE_SIZE)
      ioas.map(memories[1], { iova: IOVA })
      equal(await arrivesIn(IOVA, memories), -1, 'memory written while detached and mapped anew')
      device.attach(ioas.id)
      equal(await arrivesIn(IOVA, memories), 1, 'memory written after it was attached again')
    },
  }),
  defineCase({
    name: 'replace',
    title: 'a device that was moved to another address space reaches what that one has, and no more what it kept of the first',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { device, iommu, ioas, arrivesIn } = await openAtsTarget(lab, openThroughCdev)
      const memories = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))] as const
      const [other, empty] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
      ioas.map(memories[0], { iova: IOVA })
      other.map(memories[1], { iova: IOVA })
      const moves = [[ioas, 0, 'the first'], [other, 1, 'the second'], [ioas, 0, 'the first again'], [empty, -1, 'an empty one'], [other, 1, 'the second again']] as const
      for (const [space, expected, name] of moves) {
        device.attach(space.id)
        equal(await arrivesIn(IOVA, memories), expected, `memory written in ${name}`)
      }
    },
  }),
  defineCase({
    name: 'unmap-all',
    title: 'unmapping everything leaves the device nothing, wherever it was mapped',
    needs: NEEDS,
    covers: { ioctls: ['IOMMU_IOAS_UNMAP'], sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { ioas, arrives } = await openAtsTarget(lab, openThroughCdev)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const { ranges } = ioas.ranges()
      const iovas = [...new Set([0x10_0000n, IOVA, (ranges.at(-1)?.last ?? 0n) - BigInt(PAGE_SIZE) + 1n])]
      for (const iova of iovas) {
        ioas.map(memory, { iova })
        equal(await arrives(iova, memory), true, `written at 0x${iova.toString(16)} while it is mapped`)
      }
      ioas.unmapAll()
      for (const iova of iovas) equal(await arrives(iova, memory), false, `written at 0x${iova.toString(16)} after everything was unmapped`)
    },
  }),
  defineCase({
    name: 'reset',
    title: 'after a reset the device has ATS as before, reaches its mappings, and is told when they go',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_RESET', 'IOMMU_IOAS_UNMAP'], sources: [...SOURCES, 'drivers/pci/ats.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
    provokes: FAULT,
    run: async (lab) => {
      const { device, ioas, dma, pci, testdev } = await openAtsTarget(lab, openThroughCdev)
      const [memory, source] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
      source.bytes.fill(0x5a)
      ioas.map(memory, { iova: IOVA })
      ioas.map(source, { iova: 2n * IOVA })
      await testdev.toMemory(IOVA)
      device.reset()
      const after = new PcieAtsTestdev(lab, { pci, device, dma })
      ok(after.usesAts !== false, 'ATS is off after the reset')
      const writes = async (): Promise<number> => {
        memory.bytes.fill(0)
        await after.toMemory(IOVA)
        return memory.bytes[0] ?? 0
      }
      await after.fromMemory(2n * IOVA)
      equal(await writes(), 0x5a, 'memory after a DMA')
      ioas.unmap(IOVA, PAGE_SIZE)
      equal(await writes(), 0, 'memory after a DMA to what was unmapped')
    },
  }),
])
