import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { ioctl, ioctlByNumber } from '../sys/ioctl.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import { IOCTLS, type IoctlName } from '../uapi/ioctls.ts'
import { atEndOfMemory, olderVersions, type StructRule, tooShort, withLength } from './struct-rules.ts'

const MAIN = 'drivers/iommu/iommufd/main.c'

const s = iommufdStructs
/** Nothing here makes an object but the first: their ids are 0, or flags that nobody defined are set. */
const RULES: readonly StructRule[] = [
  { name: 'IOMMU_IOAS_ALLOC', shortest: 12, make: () => s.ioasAlloc.make() },
  { name: 'IOMMU_DESTROY', shortest: 8, make: () => s.destroy.make() },
  { name: 'IOMMU_IOAS_ALLOW_IOVAS', shortest: 24, make: () => s.ioasAllowIovas.make() },
  { name: 'IOMMU_IOAS_COPY', shortest: 40, make: () => s.ioasCopy.make() },
  { name: 'IOMMU_IOAS_IOVA_RANGES', shortest: 32, make: () => s.ioasIovaRanges.make() },
  { name: 'IOMMU_IOAS_MAP', shortest: 40, make: () => s.ioasMap.make() },
  { name: 'IOMMU_IOAS_UNMAP', shortest: 24, make: () => s.ioasUnmap.make() },
  { name: 'IOMMU_OPTION', shortest: 24, make: () => s.option.make({ op: IOMMUFD.IOMMU_OPTION_OP_GET }) },
  { name: 'IOMMU_VFIO_IOAS', shortest: 12, make: () => s.vfioIoas.make() },
  { name: 'IOMMU_HWPT_ALLOC', shortest: 24, make: () => s.hwptAlloc.make() },
  { name: 'IOMMU_GET_HW_INFO', shortest: 32, make: () => s.hwInfo.make() },
  { name: 'IOMMU_HWPT_SET_DIRTY_TRACKING', shortest: 16, make: () => s.hwptSetDirtyTracking.make() },
  { name: 'IOMMU_HWPT_GET_DIRTY_BITMAP', shortest: 48, make: () => s.hwptGetDirtyBitmap.make() },
  { name: 'IOMMU_HWPT_INVALIDATE', shortest: 32, make: () => s.hwptInvalidate.make() },
  { name: 'IOMMU_FAULT_QUEUE_ALLOC', shortest: 16, make: () => s.faultAlloc.make({ flags: 1 }) },
  { name: 'IOMMU_IOAS_MAP_FILE', shortest: 40, make: () => s.ioasMapFile.make() },
  { name: 'IOMMU_VIOMMU_ALLOC', shortest: 24, make: () => s.viommuAlloc.make() },
  { name: 'IOMMU_VDEVICE_ALLOC', shortest: 24, make: () => s.vdeviceAlloc.make() },
  { name: 'IOMMU_IOAS_CHANGE_PROCESS', shortest: 8, make: () => s.ioasChangeProcess.make() },
  { name: 'IOMMU_VEVENTQ_ALLOC', shortest: 28, make: () => s.veventqAlloc.make() },
  { name: 'IOMMU_HW_QUEUE_ALLOC', shortest: 40, make: () => s.hwQueueAlloc.make() },
  { name: 'IOMMU_IOAS_NOIOMMU_GET_PA', shortest: 40, make: () => s.ioasNoiommuGetPa.make() },
]
const ALL = { ioctls: RULES.map(({ name }) => name), sources: [MAIN] }
const rulesOf = (lab: CaseContext) => RULES.filter(({ name }) => lab.defines(name))

const short = defineCase({
  name: 'short-struct',
  title: 'a struct shorter than the first version of its ioctl is EINVAL',
  needs: { config: ['IOMMUFD'] },
  covers: ALL,
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    for (const rule of rulesOf(lab)) tooShort(fd, rule)
  },
})

const older = defineCase({
  name: 'older-struct',
  title: 'a struct of an older version is taken as one with zeroes behind it',
  needs: { config: ['IOMMUFD'] },
  covers: ALL,
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    for (const rule of rulesOf(lab)) olderVersions(fd, rule)
  },
})

const FUTURE = 20

const long = defineCase({
  name: 'longer-struct',
  title: 'a struct from the future is taken when what is unknown is zero, and E2BIG otherwise',
  needs: { config: ['IOMMUFD'] },
  covers: ALL,
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    for (const { name, make } of rulesOf(lab)) {
      const { bytes } = make()
      const longer = (tail: Uint8Array) => withLength(Uint8Array.of(...bytes, ...tail), bytes.byteLength + tail.byteLength)
      const today = outcomeOf(() => ioctl(fd, name, bytes.slice()))
      const future = longer(new Uint8Array(FUTURE))
      equal(outcomeOf(() => ioctl(fd, name, future)), today, `${name} with ${FUTURE} zeroes behind it`)
      equal([...future.subarray(bytes.byteLength)], new Array(FUTURE).fill(0), `what follows the struct that the kernel knows of ${name}`)
      for (const at of [0, FUTURE / 2, FUTURE - 1]) {
        expectErrno('E2BIG', () => ioctl(fd, name, longer(Uint8Array.from({ length: FUTURE }, (_, index) => (index === at ? 1 : 0)))))
      }
    }
  },
})

const refusedDoesNothing = defineCase({
  name: 'refused-does-nothing',
  title: 'what a struct that is too long asks for is not done, and a page of zeroes behind it is no hindrance',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_DESTROY'], sources: [MAIN] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { id } = iommu.ioasAlloc()
    expectErrno('E2BIG', () => iommu.ioctl('IOMMU_DESTROY', s.destroy.make({ id }, { tail: Uint8Array.of(1) })))
    iommu.ioctl('IOMMU_DESTROY', s.destroy.make({ id }, { tail: PAGE_SIZE }))
    expectErrno('ENOENT', () => { iommu.destroy(id) })
  },
})

const endOfMemory = defineCase({
  name: 'end-of-memory',
  title: 'a struct may end where memory ends; one that reaches beyond, and one in no memory, is EFAULT',
  needs: { config: ['IOMMUFD'] },
  covers: ALL,
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    for (const rule of rulesOf(lab)) atEndOfMemory(lab, fd, rule)
  },
})

const unknown = defineCase({
  name: 'unknown-ioctl',
  title: 'a number that no ioctl has is ENOTTY',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC'], sources: [MAIN] },
  run: (lab) => {
    const { fd } = lab.use(IommuFd.open())
    const bytes = withLength(new Uint8Array(256), 64)
    for (const [what, request] of [
      ['beyond the last number', 0x3b9f],
      ['below the first number', 0x3b7f],
      ['the type of another driver', (0x3a << 8) | 0x81],
      ['a number with a size in it', IOCTLS.IOMMU_IOAS_ALLOC | (12 << 16)],
      ['a number with a direction in it', IOCTLS.IOMMU_IOAS_ALLOC + 2 ** 31],
    ] as const) {
      expectErrno('ENOTTY', () => ioctlByNumber(fd, request, bytes, `ioctl 0x${request.toString(16)} (${what})`))
    }
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

export const iommufdStructRules = suite('iommufd-structs', [short, older, long, refusedDoesNothing, endOfMemory, unknown, reserved])
