import { defineCase, suite } from '../case/define-case.ts'
import { expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'

const SOURCES = ['drivers/iommu/iommufd/viommu.c', 'drivers/iommu/iommufd/eventq.c']
const s = iommufdStructs
/** IOMMU_VIOMMU_TYPE_ARM_SMMUV3: the oldest type there is. No IOMMU of a PC in QEMU supports any. */
const TYPE = 1

const alloc = defineCase({
  name: 'alloc-refused',
  title: 'no IOMMU here can be made virtual, and a noiommu device has none: EOPNOTSUPP; the page table stays free',
  needs: { access: 'cdev', uapi: ['IOMMU_VIOMMU_ALLOC'] },
  covers: { ioctls: ['IOMMU_VIOMMU_ALLOC'], sources: SOURCES },
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const hwpt = iommu.hwptAlloc({ deviceId, ptId: ioas.id })
    const request = (values: Parameters<typeof s.viommuAlloc.make>[0]) =>
      iommu.ioctl('IOMMU_VIOMMU_ALLOC', s.viommuAlloc.make({ type: TYPE, dev_id: deviceId, hwpt_id: hwpt, ...values }))
    expectErrno('EOPNOTSUPP', () => request({ type: 0 }))
    expectErrno('EOPNOTSUPP', () => request({ flags: 1 }))
    for (const id of [0, ioas.id, hwpt, deviceId + hwpt + 1]) expectErrno('ENOENT', () => request({ dev_id: id }))
    for (const type of [TYPE, 2, 99]) expectErrno('EOPNOTSUPP', () => request({ type }))
    for (const id of [0, ioas.id]) expectErrno('EOPNOTSUPP', () => request({ hwpt_id: id }))
    iommu.destroy(hwpt)
    ioas.destroy()
  },
})

const others = defineCase({
  name: 'parts-need-viommu',
  title: 'virtual devices, event queues and hardware queues of no vIOMMU are ENOENT, after their own fields were checked',
  needs: { config: ['IOMMUFD'], uapi: ['IOMMU_VDEVICE_ALLOC', 'IOMMU_VEVENTQ_ALLOC', 'IOMMU_HW_QUEUE_ALLOC'] },
  covers: { ioctls: ['IOMMU_VDEVICE_ALLOC', 'IOMMU_VEVENTQ_ALLOC', 'IOMMU_HW_QUEUE_ALLOC'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { id } = iommu.ioasAlloc()
    for (const viommu of [0, id, id + 1]) {
      expectErrno('ENOENT', () => iommu.ioctl('IOMMU_VDEVICE_ALLOC', s.vdeviceAlloc.make({ viommu_id: viommu, dev_id: id })))
      expectErrno('ENOENT', () => iommu.ioctl('IOMMU_VEVENTQ_ALLOC', s.veventqAlloc.make({ viommu_id: viommu, type: 1, veventq_depth: 1 })))
      expectErrno('ENOENT', () => iommu.ioctl('IOMMU_HW_QUEUE_ALLOC', s.hwQueueAlloc.make({ viommu_id: viommu, type: 1, length: 4096n })))
    }
    for (const values of [{ flags: 1, type: 1 }, { type: 1, __reserved: 1 }, { type: 0 }]) {
      expectErrno('EOPNOTSUPP', () => iommu.ioctl('IOMMU_VEVENTQ_ALLOC', s.veventqAlloc.make({ veventq_depth: 1, ...values })))
    }
    for (const depth of [0, 0xffff_ffff]) {
      expectErrno('EINVAL', () => iommu.ioctl('IOMMU_VEVENTQ_ALLOC', s.veventqAlloc.make({ type: 1, veventq_depth: depth })))
    }
    for (const values of [{ flags: 1, type: 1 }, { type: 0 }]) {
      expectErrno('EOPNOTSUPP', () => iommu.ioctl('IOMMU_HW_QUEUE_ALLOC', s.hwQueueAlloc.make({ length: 4096n, ...values })))
    }
    expectErrno('EINVAL', () => iommu.ioctl('IOMMU_HW_QUEUE_ALLOC', s.hwQueueAlloc.make({ type: 1 })))
    expectErrno('EOVERFLOW', () => iommu.ioctl('IOMMU_HW_QUEUE_ALLOC', s.hwQueueAlloc.make({
      type: 1, nesting_parent_iova: 0xffff_ffff_ffff_f000n, length: 0x2000n,
    })))
  },
})

export const viommu = suite('viommu', [alloc, others])
