import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { ioctlByNumber } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'
import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'

const MAIN = 'drivers/iommu/iommufd/main.c'

/** The shortest struct that each ioctl takes: up to the last field of its first version. */
const SHORTEST: readonly (readonly [IoctlName, number])[] = [
  ['IOMMU_DESTROY', 8],
  ['IOMMU_IOAS_ALLOC', 12],
  ['IOMMU_IOAS_ALLOW_IOVAS', 24],
  ['IOMMU_IOAS_COPY', 40],
  ['IOMMU_IOAS_IOVA_RANGES', 32],
  ['IOMMU_IOAS_MAP', 40],
  ['IOMMU_IOAS_UNMAP', 24],
  ['IOMMU_OPTION', 24],
  ['IOMMU_VFIO_IOAS', 12],
  ['IOMMU_HWPT_ALLOC', 24],
  ['IOMMU_GET_HW_INFO', 32],
  ['IOMMU_HWPT_SET_DIRTY_TRACKING', 16],
  ['IOMMU_HWPT_GET_DIRTY_BITMAP', 48],
  ['IOMMU_HWPT_INVALIDATE', 32],
  ['IOMMU_FAULT_QUEUE_ALLOC', 16],
  ['IOMMU_IOAS_MAP_FILE', 40],
  ['IOMMU_VIOMMU_ALLOC', 24],
  ['IOMMU_VDEVICE_ALLOC', 24],
  ['IOMMU_IOAS_CHANGE_PROCESS', 8],
  ['IOMMU_VEVENTQ_ALLOC', 28],
  ['IOMMU_HW_QUEUE_ALLOC', 40],
  ['IOMMU_IOAS_NOIOMMU_GET_PA', 40],
]

const withSize = (size: number): Uint8Array => {
  const bytes = new Uint8Array(new ArrayBuffer(256))
  new DataView(bytes.buffer).setUint32(0, size, true)
  return bytes
}

const short = defineCase({
  name: 'short-struct',
  title: 'a struct shorter than the first version of its ioctl is EINVAL',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: SHORTEST.map(([name]) => name), sources: [MAIN] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    for (const [name, shortest] of SHORTEST.filter(([ioctl]) => lab.defines(ioctl))) {
      for (const size of [0, 4, shortest - 1]) expectErrno('EINVAL', () => iommu.ioctl(name, withSize(size)))
    }
  },
})

const long = defineCase({
  name: 'longer-struct',
  title: 'a struct from the future is taken when what is unknown is zero, and E2BIG otherwise',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_DESTROY', 'IOMMU_IOAS_MAP'], sources: [MAIN] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { ioasAlloc, destroy } = iommufdStructs
    const alloc = ioasAlloc.make({}, { tail: 20 })
    iommu.ioctl('IOMMU_IOAS_ALLOC', alloc)
    equal([...alloc.tail], new Array(20).fill(0), 'what follows the struct that the kernel knows')
    const id = alloc.get('out_ioas_id')
    for (const at of [0, 11, 19]) {
      const tail = new Uint8Array(20)
      tail[at] = 1
      expectErrno('E2BIG', () => iommu.ioctl('IOMMU_IOAS_ALLOC', ioasAlloc.make({}, { tail })))
      expectErrno('E2BIG', () => iommu.ioctl('IOMMU_DESTROY', destroy.make({ id }, { tail })))
    }
    // The refused calls above must not have destroyed it.
    iommu.ioctl('IOMMU_DESTROY', destroy.make({ id }, { tail: PAGE_SIZE }))
    expectErrno('ENOENT', () => { iommu.destroy(id) })
  },
})

const unknown = defineCase({
  name: 'unknown-ioctl',
  title: 'a number that no ioctl has is ENOTTY, a struct in no memory is EFAULT',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_DESTROY', 'IOMMU_IOAS_ALLOC'], sources: [MAIN] },
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    const bytes = withSize(64)
    for (const [what, request] of [
      ['beyond the last number', 0x3b9f],
      ['below the first number', 0x3b7f],
      ['the type of another driver', (0x3a << 8) | 0x81],
      ['a number with a size in it', IOCTLS.IOMMU_IOAS_ALLOC | (12 << 16)],
      ['a number with a direction in it', IOCTLS.IOMMU_IOAS_ALLOC + 2 ** 31],
    ] as const) {
      expectErrno('ENOTTY', () => ioctlByNumber(fd, request, bytes, `ioctl 0x${request.toString(16)} (${what})`))
    }
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    for (const address of [0n, nowhere.address]) {
      expectErrno('EFAULT', () => ioctlByNumber(fd, IOCTLS.IOMMU_IOAS_ALLOC, address, 'IOMMU_IOAS_ALLOC'))
    }
    // The struct begins in memory and runs out of it: there is no page behind the end of the file.
    using file = memfd(PAGE_SIZE)
    const page = lab.use(Memory.ofFile(file, 2 * PAGE_SIZE))
    new DataView(page.buffer).setUint32(PAGE_SIZE - 4, 12, true)
    expectErrno('EFAULT', () => ioctlByNumber(fd, IOCTLS.IOMMU_IOAS_ALLOC, page.address + BigInt(PAGE_SIZE - 4), 'IOMMU_IOAS_ALLOC'))
  },
})

const reserved = defineCase({
  name: 'reserved-fields',
  title: 'flags that nobody defined and reserved fields are EOPNOTSUPP, before any object is looked at',
  needs: { config: ['IOMMUFD'] },
  covers: {
    ioctls: [
      'IOMMU_IOAS_ALLOC', 'IOMMU_IOAS_IOVA_RANGES', 'IOMMU_IOAS_ALLOW_IOVAS', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_COPY', 'IOMMU_IOAS_MAP_FILE',
      'IOMMU_OPTION', 'IOMMU_VFIO_IOAS', 'IOMMU_HWPT_ALLOC', 'IOMMU_GET_HW_INFO', 'IOMMU_FAULT_QUEUE_ALLOC', 'IOMMU_IOAS_CHANGE_PROCESS',
      'IOMMU_HWPT_GET_DIRTY_BITMAP', 'IOMMU_HWPT_SET_DIRTY_TRACKING', 'IOMMU_HWPT_INVALIDATE',
    ],
    sources: [MAIN, 'drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/hw_pagetable.c', 'drivers/iommu/iommufd/device.c'],
  },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const s = iommufdStructs
    const hwInfoReserved = s.hwInfo.make()
    // struct iommu_hw_info: three reserved bytes behind out_max_pasid_log2.
    hwInfoReserved.bytes[31] = 1
    const refused: readonly (readonly [IoctlName, Parameters<typeof iommu.ioctl>[1]])[] = [
      ['IOMMU_IOAS_ALLOC', s.ioasAlloc.make({ flags: 1 })],
      ['IOMMU_IOAS_IOVA_RANGES', s.ioasIovaRanges.make({ __reserved: 1 })],
      ['IOMMU_IOAS_ALLOW_IOVAS', s.ioasAllowIovas.make({ __reserved: 1 })],
      ['IOMMU_IOAS_MAP', s.ioasMap.make({ flags: 8 })],
      ['IOMMU_IOAS_MAP', s.ioasMap.make({ flags: 6, __reserved: 1 })],
      ['IOMMU_IOAS_COPY', s.ioasCopy.make({ flags: 0x8000_0000 })],
      ['IOMMU_IOAS_MAP_FILE', s.ioasMapFile.make({ flags: 8 })],
      ['IOMMU_OPTION', s.option.make({ __reserved: 1 })],
      ['IOMMU_OPTION', s.option.make({ option_id: 2 })],
      ['IOMMU_VFIO_IOAS', s.vfioIoas.make({ __reserved: 1 })],
      ['IOMMU_VFIO_IOAS', s.vfioIoas.make({ op: 3 })],
      ['IOMMU_HWPT_ALLOC', s.hwptAlloc.make({ __reserved: 1 })],
      ['IOMMU_GET_HW_INFO', s.hwInfo.make({ flags: 2 })],
      ['IOMMU_GET_HW_INFO', hwInfoReserved],
      ['IOMMU_FAULT_QUEUE_ALLOC', s.faultAlloc.make({ flags: 1 })],
      ['IOMMU_IOAS_CHANGE_PROCESS', s.ioasChangeProcess.make({ __reserved: 1 })],
      ['IOMMU_HWPT_SET_DIRTY_TRACKING', s.hwptSetDirtyTracking.make({ flags: 2 })],
      ['IOMMU_HWPT_GET_DIRTY_BITMAP', s.hwptGetDirtyBitmap.make({ flags: 2 })],
      ['IOMMU_HWPT_GET_DIRTY_BITMAP', s.hwptGetDirtyBitmap.make({ __reserved: 1 })],
      ['IOMMU_HWPT_INVALIDATE', s.hwptInvalidate.make({ __reserved: 1 })],
    ]
    for (const [name, argument] of refused.filter(([ioctl]) => lab.defines(ioctl))) {
      expectErrno('EOPNOTSUPP', () => iommu.ioctl(name, argument))
    }
    const first = iommu.ioasAlloc()
    expectErrno('ENOENT', () => { iommu.destroy(first.id + 1) })
  },
})

export const iommufdStructRules = suite('iommufd-structs', [short, long, unknown, reserved])
