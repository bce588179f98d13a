import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { addressOf, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'

const NEEDS = { access: 'cdev' } as const
const ALLOC = ['IOMMU_HWPT_ALLOC']
const SOURCES = ['drivers/iommu/iommufd/hw_pagetable.c', 'drivers/iommu/iommufd/device.c']

const life = defineCase({
  name: 'attach-and-destroy',
  title: 'a page table that user space made is attached as itself, is busy while attached, holds its IOAS, and stays after a detach',
  needs: NEEDS,
  covers: { ioctls: [...ALLOC, 'IOMMU_DESTROY', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const hwpt = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    expectErrno('EBUSY', () => { ioas.destroy() })
    equal(cdev.attach(hwpt), hwpt, 'what the device is attached to')
    expectErrno('EBUSY', () => { iommu.destroy(hwpt) })
    cdev.detach()
    equal(cdev.attach(hwpt), hwpt, 'what the device is attached to again')
    cdev.detach()
    iommu.destroy(hwpt)
    expectErrno('ENOENT', () => cdev.attach(hwpt))
    ioas.destroy()
  },
})

const subPage = defineCase({
  name: 'sub-page-mapping-refused',
  title: 'no page table is made for an IOAS with a mapping that is no whole page: EADDRINUSE, until it is unmapped',
  needs: NEEDS,
  covers: { ioctls: [...ALLOC, 'IOMMU_IOAS_MAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    ioas.map({ address, length: 1 }, { iova: 0x1_0000n })
    expectErrno('EADDRINUSE', () => iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
    equal(ioas.unmapAll(), 1n, 'bytes of the mapping')
    iommu.destroy(iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
    ioas.destroy()
  },
})

const replace = defineCase({
  name: 'replace',
  title: 'page tables replace each other and the one that the kernel makes for an IOAS; a manual one is never taken for it',
  needs: NEEDS,
  covers: { ioctls: [...ALLOC, 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const [first, second] = [iommu.hwptAlloc({ deviceId, ptId: ioas.id }), iommu.hwptAlloc({ deviceId, ptId: ioas.id })]
    ok(first !== second, `two page tables share the id ${first}`)
    cdev.attach(first)
    equal(cdev.attach(second), second, 'what replaced the first page table')
    iommu.destroy(first)
    const automatic = cdev.attach(ioas.id)
    ok(automatic !== second, 'the kernel took a manual page table for the IOAS')
    iommu.destroy(second)
    const third = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    cdev.attach(third)
    // Nobody uses the automatic one any more, so it is gone.
    expectErrno('ENOENT', () => { iommu.destroy(automatic) })
    cdev.close()
    iommu.destroy(third)
    ioas.destroy()
  },
})

const shared = defineCase({
  name: 'shared-by-devices',
  title: 'two devices attached to one IOAS share its page table, which goes with the last of them',
  needs: { ...NEEDS, devices: 2 },
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'IOMMU_DESTROY'], sources: SOURCES },
  run: (lab) => {
    const [one, two] = lab.devices()
    const iommu = lab.use(IommuFd.open())
    const [first, second] = [bindCdev(lab, one, iommu), bindCdev(lab, two, iommu)]
    const ioas = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    ioas.map(memory)
    const automatic = first.cdev.attach(ioas.id)
    equal(second.cdev.attach(ioas.id), automatic, 'page table of the second device')
    first.cdev.detach()
    expectErrno('EBUSY', () => { iommu.destroy(automatic) })
    expectErrno('EBUSY', () => { ioas.destroy() })
    equal(first.cdev.attach(automatic), automatic, 'page table of the first device, named by its id')
    first.cdev.close()
    second.cdev.detach()
    expectErrno('ENOENT', () => { iommu.destroy(automatic) })
    ioas.destroy()
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'page tables of unknown objects, odd parents, mismatched data and features nobody has are refused and hold nothing',
  needs: NEEDS,
  covers: { ioctls: ALLOC, sources: SOURCES },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const alloc = (values: Parameters<typeof iommufdStructs.hwptAlloc.make>[0]) =>
      iommu.ioctl('IOMMU_HWPT_ALLOC', iommufdStructs.hwptAlloc.make({ dev_id: deviceId, pt_id: ioas.id, ...values }))
    const data = new Uint8Array(new ArrayBuffer(24))
    for (const id of [0, ioas.id, deviceId + ioas.id + 1]) expectErrno('ENOENT', () => alloc({ dev_id: id }))
    for (const id of [0, deviceId + ioas.id + 1, deviceId]) expectErrno('EINVAL', () => alloc({ pt_id: id }))
    expectErrno('EINVAL', () => alloc({ data_len: 24, data_uptr: addressOf(data) }))
    expectErrno('EINVAL', () => alloc({ data_type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1, data_uptr: addressOf(data) }))
    // User data makes a nested page table only; an IOAS is no parent.
    expectErrno('EOPNOTSUPP', () => alloc({ data_type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1, data_len: 24, data_uptr: addressOf(data) }))
    for (const flags of [0x10, 0x8000_0000]) expectErrno('EOPNOTSUPP', () => alloc({ flags }))
    for (const flags of [IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT, IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING]) expectErrno('EOPNOTSUPP', () => alloc({ flags }))
    const hwpt = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    expectErrno('EOPNOTSUPP', () => alloc({ pt_id: hwpt }))
    expectErrno(['EINVAL', 'EOPNOTSUPP'], () => alloc({ pt_id: hwpt, data_type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1, data_len: 24, data_uptr: addressOf(data) }))
    iommu.destroy(hwpt)
    ioas.destroy()
  },
})

const unwinding = defineCase({
  name: 'unanswered-alloc-unwinds',
  title: 'a page table or IOAS whose answer cannot be written is EFAULT and does not exist',
  needs: { ...NEEDS, config: ['MEMFD_CREATE'] },
  covers: { ioctls: [...ALLOC, 'IOMMU_IOAS_ALLOC', 'IOMMU_FAULT_QUEUE_ALLOC'], sources: [...SOURCES, 'drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/eventq.c', 'drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const file = lab.use(memfd(PAGE_SIZE))
    const writable = lab.use(Memory.ofFile(file, PAGE_SIZE))
    const constant = lab.use(Memory.ofFile(file, PAGE_SIZE, { readOnly: true }))
    for (let round = 0; round < 3; round += 1) {
      writable.bytes.set(iommufdStructs.hwptAlloc.make({ dev_id: deviceId, pt_id: ioas.id }).bytes)
      expectErrno('EFAULT', () => ioctl(iommu.fd, 'IOMMU_HWPT_ALLOC', constant.address))
      writable.bytes.set(iommufdStructs.ioasAlloc.make().bytes)
      expectErrno('EFAULT', () => ioctl(iommu.fd, 'IOMMU_IOAS_ALLOC', constant.address))
      writable.bytes.set(iommufdStructs.faultAlloc.make().bytes)
      expectErrno('EFAULT', () => ioctl(iommu.fd, 'IOMMU_FAULT_QUEUE_ALLOC', constant.address))
    }
    // No page table that nobody can name holds the IOAS.
    ioas.destroy()
    for (let id = 1; id < 20; id += 1) if (id !== deviceId) expectErrno('ENOENT', () => { iommu.destroy(id) })
  },
})

const dirty = defineCase({
  name: 'no-dirty-tracking',
  title: 'a page table without dirty tracking refuses it, an unknown one is ENOENT, and none of them can be invalidated',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_HWPT_SET_DIRTY_TRACKING', 'IOMMU_HWPT_GET_DIRTY_BITMAP', 'IOMMU_HWPT_INVALIDATE'], sources: SOURCES },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const hwpt = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    const iova = ioas.map(memory)
    const bitmap = new Uint8Array(new ArrayBuffer(8))
    const s = iommufdStructs
    const set = (id: number) => iommu.ioctl('IOMMU_HWPT_SET_DIRTY_TRACKING', s.hwptSetDirtyTracking.make({ hwpt_id: id, flags: IOMMUFD.IOMMU_HWPT_DIRTY_TRACKING_ENABLE }))
    const get = (id: number) => iommu.ioctl('IOMMU_HWPT_GET_DIRTY_BITMAP', s.hwptGetDirtyBitmap.make({
      hwpt_id: id, iova, length: BigInt(PAGE_SIZE), page_size: BigInt(PAGE_SIZE), data: addressOf(bitmap),
    }))
    for (const call of [set, get]) {
      expectErrno('EOPNOTSUPP', () => call(hwpt))
      for (const id of [0, ioas.id, deviceId, hwpt + 100]) expectErrno('ENOENT', () => call(id))
    }
    expectErrno('EOVERFLOW', () => iommu.ioctl('IOMMU_HWPT_GET_DIRTY_BITMAP', s.hwptGetDirtyBitmap.make({
      hwpt_id: hwpt, iova: 0xffff_ffff_ffff_f000n, length: 2n * BigInt(PAGE_SIZE), page_size: BigInt(PAGE_SIZE), data: addressOf(bitmap),
    })))
    const entries = new Uint8Array(new ArrayBuffer(64))
    for (const [id, code] of [[hwpt, 'EINVAL'], [ioas.id, 'EINVAL'], [hwpt + 100, 'ENOENT']] as const) {
      const request = s.hwptInvalidate.make({ hwpt_id: id, data_uptr: addressOf(entries), data_type: 0, entry_len: 16, entry_num: 4 })
      expectErrno(code, () => iommu.ioctl('IOMMU_HWPT_INVALIDATE', request))
      equal(request.get('entry_num'), 0, 'entries that were handled')
    }
    const noEntry = s.hwptInvalidate.make({ hwpt_id: hwpt, data_uptr: addressOf(entries), entry_len: 0, entry_num: 4 })
    expectErrno('EINVAL', () => iommu.ioctl('IOMMU_HWPT_INVALIDATE', noEntry))
  },
})

const oldStruct = defineCase({
  name: 'first-version-of-struct',
  title: 'the first version of struct iommu_hwpt_alloc, 24 bytes, is enough for a page table without data',
  needs: NEEDS,
  covers: { ioctls: ALLOC, sources: [...SOURCES, 'drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const request = iommufdStructs.hwptAlloc.make({ size: 24, dev_id: deviceId, pt_id: ioas.id })
    // The kernel must not look at, nor write to, what it was not given.
    request.bytes.fill(0xaa, 24)
    iommu.ioctl('IOMMU_HWPT_ALLOC', request)
    equal([...request.bytes.subarray(24)].every((byte) => byte === 0xaa), true, 'bytes behind the struct are untouched')
    iommu.destroy(request.get('out_hwpt_id'))
    ioas.destroy()
  },
})

export const hwpt = suite('hwpt', [life, subPage, replace, shared, refusals, unwinding, dirty, oldStruct])
