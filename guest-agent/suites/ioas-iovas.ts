import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { addressOf, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'

const NEEDS = { config: ['IOMMUFD'] }
const SOURCES = ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c']
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const restrict = defineCase({
  name: 'allow-restricts-choice',
  title: 'allowed ranges bound what the kernel chooses, not what user space fixes; an empty list lifts them',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_ALLOW_IOVAS', 'IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const [low, high] = [0x1_0000n, 0x8000_0000n]
    ioas.allow([{ start: low, last: low + PAGE - 1n }, { start: high, last: high + PAGE - 1n }])
    equal(ioas.map(memory), low, 'first IOVA')
    equal(ioas.map(memory), high, 'second IOVA, in the other range')
    expectErrno('ENOSPC', () => ioas.map(memory))
    ioas.map(memory, { iova: 0x4000_0000n })
    // A list replaces the one before it.
    ioas.allow([{ start: high + PAGE, last: high + 2n * PAGE - 1n }])
    equal(ioas.map(memory), high + PAGE, 'IOVA in the list that replaced the first')
    ioas.allow([])
    equal(ioas.map(memory), PAGE, 'IOVA without a list')
    equal(ioas.unmapAll(), 5n * PAGE, 'bytes mapped in all')
  },
})

const atomic = defineCase({
  name: 'allow-refusals',
  title: 'a bad list is refused as a whole and the list before it stays in force',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_ALLOW_IOVAS'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const start = 0x10_0000n
    const good = { start, last: start + 2n * PAGE - 1n }
    ioas.allow([good])
    const other = { start: 0x20_0000n, last: 0x2f_ffffn }
    for (const bad of [
      [other, { start: 0x2f_ffffn, last: 0x30_ffffn }],
      [other, { start: 0x28_0000n, last: 0x28_0fffn }],
      [other, other],
      [other, { start: 0x40_0000n, last: 0x40_0000n }],
      [other, { start: 0x50_0000n, last: 0x4f_0000n }],
    ]) expectErrno('EINVAL', () => { ioas.allow(bad) })
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    const allow = (values: Parameters<typeof iommufdStructs.ioasAllowIovas.make>[0]) =>
      iommu.ioctl('IOMMU_IOAS_ALLOW_IOVAS', iommufdStructs.ioasAllowIovas.make({ ioas_id: ioas.id, ...values }))
    expectErrno('EFAULT', () => allow({ num_iovas: 1, allowed_iovas: nowhere.address }))
    expectErrno('ENOENT', () => allow({ ioas_id: ioas.id + 1 }))
    equal(ioas.map(memory), start, 'IOVA in the list that must still be in force')
    equal(ioas.map(memory), start + PAGE, 'IOVA in the list that must still be in force')
    expectErrno('ENOSPC', () => ioas.map(memory))
  },
})

const whole = defineCase({
  name: 'ranges-without-device',
  title: 'an IOAS without a device allows all of the 64-bit space, whatever is mapped or allowed',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES', 'IOMMU_IOAS_ALLOW_IOVAS'], sources: SOURCES },
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const all = [{ start: 0n, last: LAST }]
    equal([...ioas.ranges().ranges], all, 'ranges of a new IOAS')
    ioas.map(lab.use(Memory.pages(PAGE_SIZE)))
    ioas.allow([{ start: 0x10_0000n, last: 0x1f_ffffn }])
    equal([...ioas.ranges().ranges], all, 'ranges with a mapping and an allowed list')
  },
})

const protocol = defineCase({
  name: 'ranges-too-little-room',
  title: 'too little room is EMSGSIZE with the number that is needed; nothing is written beyond the room',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const array = new Uint8Array(new ArrayBuffer(3 * iommufdStructs.iovaRange.size)).fill(0xaa)
    const ask = (room: number, address = addressOf(array)) =>
      iommufdStructs.ioasIovaRanges.make({ ioas_id: ioas.id, num_iovas: room, allowed_iovas: address })
    const none = ask(0)
    expectErrno('EMSGSIZE', () => iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', none))
    equal(none.get('num_iovas'), 1, 'ranges that there are')
    equal(none.get('out_iova_alignment'), 1n, 'alignment, told all the same')
    equal(array.every((byte) => byte === 0xaa), true, 'an array of no room is untouched')
    const three = ask(3)
    iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', three)
    equal(three.get('num_iovas'), 1, 'ranges that were filled in')
    equal(array.subarray(16).every((byte) => byte === 0xaa), true, 'what is behind the last range is untouched')
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    expectErrno('EFAULT', () => iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', ask(1, nowhere.address)))
    // No range fits, so the address does not matter.
    expectErrno('EMSGSIZE', () => iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', ask(0, nowhere.address)))
    expectErrno('ENOENT', () => iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', iommufdStructs.ioasIovaRanges.make({ ioas_id: ioas.id + 1 })))
  },
})

export const ioasIovas = suite('ioas-iovas', [restrict, atomic, whole, protocol])
