import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { withoutCapability } from '../sys/capability.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const GET_PA = 'IOMMU_IOAS_NOIOMMU_GET_PA'
const COVERS = { ioctls: [GET_PA], sources: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c'] }
/** A kernel that has the ioctl and the page tables behind it; a device is not needed for what is refused. */
const BUILT = { config: ['IOMMUFD_NOIOMMU'], uapi: [GET_PA] } as const
/** The same with a device that has no IOMMU. */
const DEVICE = { ...BUILT, access: 'cdev', iommu: 'none' } as const
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const getPa = (iommu: IommuFd, values: Parameters<typeof iommufdStructs.ioasNoiommuGetPa.make>[0]) =>
  iommu.ioctl(GET_PA, iommufdStructs.ioasNoiommuGetPa.make(values))

const precedence = defineCase({
  name: 'refusals-in-order',
  title: 'flags, length, overflow and the IOAS are checked in this order, all before the mapping',
  needs: { ...BUILT, privilege: ['CAP_SYS_RAWIO'] },
  covers: COVERS,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { id } = iommu.ioasAlloc()
    const none = id + 1
    for (const values of [{ flags: 1 }, { flags: 0x8000_0000 }, { __reserved: 1 }]) {
      expectErrno('EOPNOTSUPP', () => getPa(iommu, { ioas_id: none, length: 0n, iova: LAST, ...values }))
      expectErrno('EOPNOTSUPP', () => getPa(iommu, { ioas_id: id, length: PAGE, iova: PAGE, ...values }))
    }
    expectErrno('EINVAL', () => getPa(iommu, { ioas_id: none, length: 0n, iova: LAST }))
    expectErrno('EOVERFLOW', () => getPa(iommu, { ioas_id: none, length: PAGE, iova: LAST }))
    expectErrno('ENOENT', () => getPa(iommu, { ioas_id: none, length: PAGE, iova: PAGE }))
    expectErrno('ENOENT', () => getPa(iommu, { ioas_id: 0, length: PAGE, iova: PAGE }))
    expectErrno('ENOENT', () => getPa(iommu, { ioas_id: id, length: PAGE, iova: PAGE }))
    expectErrno('ENOENT', () => getPa(iommu, { ioas_id: id, length: LAST, iova: LAST - 1n }))
  },
})

const privilege = defineCase({
  name: 'needs-rawio',
  title: 'without CAP_SYS_RAWIO everything is EPERM, whatever else is wrong with the request',
  needs: { ...BUILT, privilege: ['CAP_SYS_RAWIO'] },
  covers: COVERS,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const iova = ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    withoutCapability('CAP_SYS_RAWIO', () => {
      for (const values of [{ ioas_id: ioas.id, iova, length: PAGE }, { flags: 1 }, { length: 0n }, { iova: LAST, length: PAGE }, { ioas_id: ioas.id + 1, length: PAGE }]) {
        expectErrno('EPERM', () => getPa(iommu, values))
      }
    })
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, PAGE))
  },
})

const privilegeMapped = defineCase({
  name: 'needs-rawio-mapped',
  title: 'a mapped IOVA of a noiommu device tells its physical address to the holder of CAP_SYS_RAWIO only',
  needs: { ...DEVICE, privilege: ['CAP_SYS_RAWIO'] },
  covers: COVERS,
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const iova = ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    const { physical } = ioas.noiommuGetPa(iova, PAGE)
    withoutCapability('CAP_SYS_RAWIO', () => { expectErrno('EPERM', () => ioas.noiommuGetPa(iova, PAGE)) })
    equal(ioas.noiommuGetPa(iova, PAGE).physical, physical, 'physical address with the capability again')
  },
})

const withoutTable = defineCase({
  name: 'needs-page-table',
  title: 'a mapping that no device is attached to has no physical address yet, or no more: EOPNOTSUPP',
  needs: DEVICE,
  covers: { ...COVERS, sources: [...COVERS.sources, 'drivers/iommu/iommufd/hwpt_noiommu.c'] },
  run: (lab) => {
    const { iommu, ioas, device, deviceId } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const iova = ioas.map(memory)
    const other = iommu.ioasAlloc()
    other.map(memory, { iova })
    const { physical } = ioas.noiommuGetPa(iova, PAGE)
    expectErrno('EOPNOTSUPP', () => other.noiommuGetPa(iova, PAGE))
    device.detach()
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, PAGE))
    expectErrno('ENOENT', () => ioas.noiommuGetPa(iova + PAGE, PAGE))
    // A page table without a device attached to it does.
    const hwpt = iommu.hwptAlloc({ deviceId, ptId: other.id })
    equal(other.noiommuGetPa(iova, PAGE).physical, physical, 'physical address by a page table of its own')
    iommu.destroy(hwpt)
    expectErrno('EOPNOTSUPP', () => other.noiommuGetPa(iova, PAGE))
  },
})

const realIommu = defineCase({
  name: 'refused-behind-iommu',
  title: 'an IOAS whose device is behind a real IOMMU tells no physical address: EOPNOTSUPP, attached or not',
  needs: { ...BUILT, access: 'cdev', iommu: 'present' },
  covers: COVERS,
  run: (lab) => {
    const { ioas, device } = openThroughCdev(lab, lab.device())
    const iova = ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, PAGE))
    expectErrno('ENOENT', () => ioas.noiommuGetPa(iova + PAGE, PAGE))
    device.detach()
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, PAGE))
  },
})

const notBuilt = defineCase({
  name: 'not-built',
  title: 'a kernel whose headers have the ioctl but that was built without it says EOPNOTSUPP',
  needs: { config: ['IOMMUFD', '!IOMMUFD_NOIOMMU'], uapi: [GET_PA] },
  covers: { ioctls: [GET_PA], sources: ['drivers/iommu/iommufd/iommufd_private.h', 'drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const iova = ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    expectErrno('EOPNOTSUPP', () => ioas.noiommuGetPa(iova, PAGE))
    expectErrno('EOPNOTSUPP', () => getPa(iommu, { ioas_id: ioas.id + 1 }))
    expectErrno('EINVAL', () => getPa(iommu, { size: 39 }))
  },
})

const notDefined = defineCase({
  name: 'not-defined',
  title: 'a kernel without the ioctl answers its number with ENOTTY',
  needs: { config: ['IOMMUFD'], uapi: [`!${GET_PA}`] },
  covers: { ioctls: [GET_PA], sources: ['drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const iova = ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    expectErrno('ENOTTY', () => ioas.noiommuGetPa(iova, PAGE))
  },
})

export const noiommuGetPaRefusals = suite('noiommu-get-pa-refusals', [
  precedence, privilege, privilegeMapped, withoutTable, realIommu, notBuilt, notDefined,
])
