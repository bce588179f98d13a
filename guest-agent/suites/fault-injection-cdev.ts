import type { CaseContext } from '../case/case-context.ts'
import { eachAllocationFails, FAILING_ALLOCATIONS, neverFails } from '../case/each-allocation.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { keepEnabled } from '../pci/keep-enabled.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { pinnedPages } from '../sys/pinned-pages.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { ioasDmaSpace } from '../vfio/dma-space.ts'

const NEEDS = { access: 'cdev', config: ['IOMMUFD', ...FAILING_ALLOCATIONS] } as const
const TIMEOUT = 30_000
const DEVICE = 'drivers/iommu/iommufd/device.c'
const HWPT = 'drivers/iommu/iommufd/hw_pagetable.c'
const IOMMUFD = 'drivers/vfio/iommufd.c'
const CDEV = 'drivers/vfio/device_cdev.c'
const PAGE = BigInt(PAGE_SIZE)
/** Far from each other: they share no level of the page table that a device could do without. */
const IOVAS = [0x100_0000n, 0x40_0000_0000n] as const

/** An address space with two mappings of four pages. */
const filledIoas = (lab: CaseContext, iommu: IommuFd): Ioas => {
  const ioas = iommu.ioasAlloc()
  const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
  for (const iova of IOVAS) ioas.map(memory, { iova })
  return ioas
}

const open = defineCase({
  name: 'open',
  title: 'a cdev opens or is ENOMEM',
  needs: NEEDS,
  covers: { ioctls: [], sources: [CDEV] },
  run: (lab) => {
    eachAllocationFails(lab, { call: () => openCdev({ device: () => lab.device(), use: (resource) => resource }), undo: (cdev) => { cdev.close() } })
  },
})

const bind = defineCase({
  name: 'bind',
  title: 'a device that cannot be bound is closed again to everything, and can be bound through the same descriptor',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: [CDEV, IOMMUFD, DEVICE, 'drivers/vfio/pci/vfio_pci_core.c'] },
  timeoutMs: TIMEOUT,
  run: async (lab) => {
    await keepEnabled(lab, lab.device())
    const iommu = lab.use(IommuFd.open())
    let cdev = openCdev(lab)
    eachAllocationFails(lab, {
      call: () => cdev.bind(iommu),
      undo: () => {
        cdev.close()
        cdev = openCdev(lab)
      },
      state: () => expectErrno('EINVAL', () => cdev.info()).code,
    })
  },
})

const attach = defineCase({
  name: 'attach',
  title: 'an attachment that fails leaves the device without one, the mappings unpinned and the IOVA ranges as they were',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [DEVICE, HWPT, IOMMUFD] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = filledIoas(lab, iommu)
    eachAllocationFails(lab, {
      call: () => cdev.attach(ioas.id),
      undo: () => { cdev.detach() },
      state: () => ioas.ranges(),
    })
    equal(ioas.unmapAll(), 8n * PAGE, 'bytes mapped')
    ioas.destroy()
  },
})

const replace = defineCase({
  name: 'replace',
  title: 'an attachment that cannot be replaced stays, with what it has mapped',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [DEVICE, HWPT, IOMMUFD] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const [before, after] = [filledIoas(lab, iommu), filledIoas(lab, iommu)]
    cdev.attach(before.id)
    eachAllocationFails(lab, {
      call: () => cdev.attach(after.id),
      undo: () => { cdev.attach(before.id) },
      state: () => [before.ranges(), after.ranges(), expectErrno('EBUSY', () => { before.destroy() }).code],
    })
    cdev.detach()
    for (const ioas of [before, after]) {
      equal(ioas.unmapAll(), 8n * PAGE, 'bytes mapped')
      ioas.destroy()
    }
  },
})

const replaceDma = defineCase({
  name: 'replace-keeps-dma',
  title: 'a device whose attachment cannot be replaced goes on with its DMA where it is attached',
  needs: { ...NEEDS, iommu: 'present', deviceKind: 'iommu-testdev' },
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [DEVICE, 'drivers/iommu/iommu.c'] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const pci = lab.device('iommu-testdev')
    const { iommu, cdev } = bindCdev(lab, pci)
    const [before, after] = [filledIoas(lab, iommu), filledIoas(lab, iommu)]
    cdev.attach(before.id)
    const testdev = new IommuTestdev({ pci, device: cdev, dma: ioasDmaSpace(before) })
    eachAllocationFails(lab, {
      call: () => cdev.attach(after.id),
      undo: () => { cdev.attach(before.id) },
      state: () => testdev.write(IOVAS[0], 4),
    })
  },
})

const secondDevice = defineCase({
  name: 'attach-second',
  title: 'a second device that cannot be attached leaves the first one attached to the page table that they would share',
  needs: { ...NEEDS, devices: 2 },
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [DEVICE, HWPT] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = filledIoas(lab, iommu)
    const hwpt = cdev.attach(ioas.id)
    const second = bindCdev(lab, lab.inAnotherGroup(lab.device()), iommu).cdev
    eachAllocationFails(lab, {
      call: () => second.attach(ioas.id),
      undo: (shared) => {
        equal(shared, hwpt, 'page table of the second device')
        second.detach()
      },
      state: () => ioas.ranges(),
    })
  },
})

const detach = defineCase({
  name: 'detach',
  title: 'a device is detached however short memory is, and what was mapped for it is unpinned',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: [DEVICE, IOMMUFD] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = filledIoas(lab, iommu)
    const pinned = pinnedPages()
    cdev.attach(ioas.id)
    neverFails(lab, {
      call: () => { cdev.detach() },
      undo: () => {
        equal(pinnedPages(), pinned, 'pages pinned after the device was detached')
        cdev.attach(ioas.id)
      },
    })
  },
})

const close = defineCase({
  name: 'close',
  title: 'an attached device is closed however short memory is, with nothing left pinned, and can be opened again',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: [CDEV, DEVICE, IOMMUFD, 'drivers/vfio/pci/vfio_pci_core.c'] },
  timeoutMs: TIMEOUT,
  run: async (lab) => {
    await keepEnabled(lab, lab.device())
    const iommu = lab.use(IommuFd.open())
    const ioas = filledIoas(lab, iommu)
    const attached = () => {
      const { cdev } = bindCdev(lab, lab.device(), iommu)
      cdev.attach(ioas.id)
      return cdev
    }
    const pinned = pinnedPages()
    let cdev = attached()
    neverFails(lab, {
      call: () => { cdev.close() },
      undo: () => {
        equal(pinnedPages(), pinned, 'pages pinned after the device was closed')
        cdev = attached()
      },
    })
  },
})

const closeAll = defineCase({
  name: 'close-iommu',
  title: '/dev/iommu is closed however short memory is, with all page tables and mappings in it',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_HWPT_ALLOC'], sources: ['drivers/iommu/iommufd/main.c', HWPT] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const pinned = pinnedPages()
    const filled = () => {
      const { iommu, cdev, deviceId } = bindCdev(lab)
      const ioas = filledIoas(lab, iommu)
      cdev.attach(ioas.id)
      iommu.hwptAlloc({ deviceId, ptId: ioas.id })
      cdev.close()
      return iommu
    }
    let iommu = filled()
    neverFails(lab, {
      call: () => { iommu.close() },
      undo: () => {
        equal(pinnedPages(), pinned, 'pages pinned after all was closed')
        iommu = filled()
      },
    })
  },
})

const hwpt = defineCase({
  name: 'hwpt-alloc',
  title: 'a page table for which there is no memory does not exist and holds nothing',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_HWPT_ALLOC'], sources: [HWPT] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = filledIoas(lab, iommu)
    const first = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    iommu.destroy(first)
    eachAllocationFails(lab, {
      call: () => iommu.hwptAlloc({ deviceId, ptId: ioas.id }),
      undo: (id) => {
        equal(id, first, 'id of the page table')
        iommu.destroy(id)
      },
      state: () => ioas.ranges(),
    })
    ioas.unmapAll()
    ioas.destroy()
  },
})

const hwInfo = defineCase({
  name: 'hw-info',
  title: 'what the IOMMU has to say of itself is told or ENOMEM',
  needs: { ...NEEDS, iommu: ['intel'] },
  covers: { ioctls: ['IOMMU_GET_HW_INFO'], sources: [DEVICE] },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    eachAllocationFails(lab, { call: () => iommu.hwInfo(deviceId), undo: () => undefined })
  },
})

export const faultInjectionCdev = suite('fault-injection-cdev', [
  open, bind, attach, replace, replaceDma, secondDevice, detach, close, closeAll, hwpt, hwInfo,
], { onRequest: true })
