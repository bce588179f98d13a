import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const NEEDS = { access: 'cdev' } as const
const ATTACH = ['VFIO_DEVICE_ATTACH_IOMMUFD_PT']
const SOURCES = ['drivers/vfio/device_cdev.c', 'drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c']
const PAGE = BigInt(PAGE_SIZE)

const life = defineCase({
  name: 'holds-ioas',
  title: 'attaching to an IOAS makes a page table that keeps both busy; detaching ends it, once or twice',
  needs: NEEDS,
  covers: { ioctls: [...ATTACH, 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: SOURCES },
  run: (lab) => {
    const { iommu, ioas, device, ptId } = openThroughCdev(lab, lab.device())
    ok(ptId !== ioas.id && ptId !== 0, `attach must tell the page table, not the IOAS: ${ptId}`)
    expectErrno('EBUSY', () => { ioas.destroy() })
    expectErrno('EBUSY', () => { iommu.destroy(ptId) })
    device.detach()
    expectErrno('ENOENT', () => { iommu.destroy(ptId) })
    device.detach()
    ok(device.attach(ioas.id) !== 0, 'the device can be attached again')
    equal(device.attach(ioas.id) !== 0, true, 'and to what it is attached to already')
    device.detach()
    ioas.destroy()
    device.detach()
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'attach refuses wrong lengths, flags and objects, and leaves the device unattached',
  needs: NEEDS,
  covers: { ioctls: [...ATTACH, 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const foreign = lab.use(IommuFd.open())
    const foreignIds = [foreign.ioasAlloc(), foreign.ioasAlloc(), foreign.ioasAlloc()].map(({ id }) => id)
    const queue = iommu.faultQueueAlloc()
    lab.use(queue.fd)
    const attach = (values: Parameters<typeof vfioStructs.deviceAttachIommufdPt.make>[0]) =>
      cdev.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', vfioStructs.deviceAttachIommufdPt.make({ pt_id: ioas.id, ...values }))
    const detach = (values: Parameters<typeof vfioStructs.deviceDetachIommufdPt.make>[0]) =>
      cdev.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', vfioStructs.deviceDetachIommufdPt.make(values))
    for (const argsz of [0, 8, 11]) expectErrno('EINVAL', () => attach({ argsz }))
    for (const flags of [2, 0x8000_0000]) expectErrno('EINVAL', () => attach({ flags }))
    // The PASID lies behind the shortest struct.
    expectErrno('EINVAL', () => attach({ argsz: 12, flags: VFIO.VFIO_DEVICE_ATTACH_PASID }))
    for (const ptId of [0, queue.id + 100, 0xffff_ffff]) expectErrno('ENOENT', () => attach({ pt_id: ptId }))
    const own = new Set([ioas.id, deviceId, queue.id])
    for (const ptId of foreignIds.filter((each) => !own.has(each))) expectErrno('ENOENT', () => attach({ pt_id: ptId }))
    for (const ptId of [deviceId, queue.id]) expectErrno('EINVAL', () => attach({ pt_id: ptId }))
    for (const argsz of [0, 4, 7]) expectErrno('EINVAL', () => detach({ argsz }))
    expectErrno('EINVAL', () => detach({ flags: 2 }))
    expectErrno('EINVAL', () => detach({ argsz: 8, flags: VFIO.VFIO_DEVICE_DETACH_PASID }))
    // Nothing holds the IOAS.
    ioas.destroy()
  },
})

const pasid = defineCase({
  name: 'pasid-refused',
  title: 'a page table that was not made for PASIDs cannot be attached to one; detaching one that is not attached is harmless',
  needs: { ...NEEDS, uapi: ['VFIO_DEVICE_ATTACH_PASID'] },
  covers: { ioctls: [...ATTACH, 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { ioas, device, ptId } = openThroughCdev(lab, lab.device())
    for (const target of [ioas.id, ptId]) expectErrno('EINVAL', () => device.attach(target, { pasid: 7 }))
    device.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', vfioStructs.deviceDetachIommufdPt.make({ flags: VFIO.VFIO_DEVICE_DETACH_PASID, pasid: 7 }))
    expectErrno('EBUSY', () => { ioas.destroy() })
    device.detach()
    ioas.destroy()
  },
})

const pasidZero = defineCase({
  name: 'pasid-zero',
  title: 'PASID 0 stands for no PASID: who is attached without one is attached to it already (EBUSY), and detached only without one',
  needs: { ...NEEDS, uapi: ['VFIO_DEVICE_ATTACH_PASID'] },
  covers: { ioctls: [...ATTACH, 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { ioas, device, ptId } = openThroughCdev(lab, lab.device())
    expectErrno('EBUSY', () => device.attach(ptId, { pasid: 0 }))
    device.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', vfioStructs.deviceDetachIommufdPt.make({ flags: VFIO.VFIO_DEVICE_DETACH_PASID, pasid: 0 }))
    expectErrno('EBUSY', () => { ioas.destroy() })
    device.detach()
    ioas.destroy()
  },
})

const unwinding = defineCase({
  name: 'unanswered-attach-unwinds',
  title: 'an attach whose answer cannot be written is EFAULT and leaves the device unattached',
  needs: { ...NEEDS, config: ['MEMFD_CREATE'] },
  covers: { ioctls: ATTACH, sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const file = lab.use(memfd(PAGE_SIZE))
    const writable = lab.use(Memory.ofFile(file, PAGE_SIZE))
    const constant = lab.use(Memory.ofFile(file, PAGE_SIZE, { readOnly: true }))
    writable.bytes.set(vfioStructs.deviceAttachIommufdPt.make({ pt_id: ioas.id }).bytes)
    for (let round = 0; round < 3; round += 1) expectErrno('EFAULT', () => ioctl(cdev.fd, 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', constant.address))
    ioas.destroy()
  },
})

const subPage = defineCase({
  name: 'sub-page-mapping-refused',
  title: 'an IOAS with a mapping that is no whole page refuses the device with EADDRINUSE and keeps its own rules',
  needs: NEEDS,
  covers: { ioctls: [...ATTACH, 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_IOVA_RANGES'], sources: ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/device.c'] },
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    for (const [offset, iova, length] of [[0n, 0x1_0000n, 0x800n], [0x800n, 0x1_0000n, PAGE - 0x800n], [0n, 0x1_0800n, PAGE]] as const) {
      ioas.map({ address: address + offset, length }, { iova })
      expectErrno('EADDRINUSE', () => cdev.attach(ioas.id))
      equal(ioas.ranges().alignment, 1n, 'alignment after the refused attach')
      equal(ioas.unmapAll(), length, 'bytes of the mapping')
    }
    cdev.attach(ioas.id)
    equal(ioas.ranges().alignment, PAGE, 'alignment with the device')
    cdev.detach()
    equal(ioas.ranges().alignment, 1n, 'alignment after the device left')
  },
})

const alignment = defineCase({
  name: 'whole-pages-only',
  title: 'with a device attached address, IOVA and length of a mapping must be whole pages',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const { address } = lab.use(Memory.pages(3 * PAGE_SIZE))
    const map = (offset: bigint, length: bigint, iova?: bigint) => ioas.map({ address: address + offset, length }, iova === undefined ? {} : { iova })
    expectErrno('EINVAL', () => map(0n, PAGE, 0x1_0800n))
    expectErrno('EINVAL', () => map(0n, PAGE - 1n, 0x1_0000n))
    expectErrno('EINVAL', () => map(0n, PAGE + 1n))
    expectErrno('EINVAL', () => map(0x200n, PAGE, 0x1_0000n))
    expectErrno('EINVAL', () => map(0x200n, PAGE))
    equal(map(PAGE, 2n * PAGE, 0x1_0000n), 0x1_0000n, 'IOVA of whole pages')
    equal(ioas.unmapAll(), 2n * PAGE, 'bytes mapped')
  },
})

export const cdevAttach = suite('cdev-attach', [life, refusals, pasid, pasidZero, unwinding, subPage, alignment])
