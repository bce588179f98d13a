import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { IovaRange } from '../iommufd/ioas.ts'
import { addressOf, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'
import type { VfioCdev } from '../vfio/vfio-cdev.ts'

/** Where interrupts lie on a PC: a device's write there is a message, never memory. */
const MSI: IovaRange = { start: 0xfee0_0000n, last: 0xfeef_ffffn }
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn
const ALL: readonly IovaRange[] = [{ start: 0n, last: LAST }]

const NEEDS = { access: 'cdev', iommu: 'present' } as const
const SOURCES = ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/device.c']

const hole = defineCase({
  name: 'msi-hole',
  title: 'an attached device takes the MSI window and what its IOMMU cannot reach out of the ranges, until it leaves',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { ioas, device } = openThroughCdev(lab, lab.device())
    const { ranges, alignment } = ioas.ranges()
    equal(alignment, PAGE, 'alignment')
    equal(ranges.some(({ start, last }) => start <= MSI.last && last >= MSI.start), false, 'a range reaches into the MSI window')
    ok(ranges.some(({ last }) => last === MSI.start - 1n), 'a range must end right below the MSI window')
    ok(ranges.some(({ start }) => start === MSI.last + 1n), 'a range must begin right above the MSI window')
    ok(ranges.every(({ start, last }, index) => start < last && (index === 0 || start > (ranges[index - 1]?.last ?? 0n))), 'the ranges must ascend')
    device.detach()
    equal([...ioas.ranges().ranges], [...ALL], 'ranges after the device left')
    device.attach(ioas.id)
    equal([...ioas.ranges().ranges], [...ranges], 'ranges after it came back')
  },
})

const refused = defineCase({
  name: 'mapping-refused',
  title: 'nothing can be mapped into a reserved range, and the kernel never chooses it',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_ALLOW_IOVAS'], sources: SOURCES },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const { address } = lab.use(Memory.pages(4 * PAGE_SIZE))
    const map = (iova: bigint, pages = 1n) => ioas.map({ address, length: pages * PAGE }, { iova })
    for (const [iova, pages] of [[MSI.start, 1n], [MSI.last + 1n - PAGE, 1n], [MSI.start - PAGE, 2n], [MSI.last + 1n - PAGE, 2n]] as const) {
      expectErrno('EINVAL', () => map(iova, pages))
    }
    const end = ioas.ranges().ranges.at(-1)?.last ?? 0n
    if (end !== LAST) expectErrno('EINVAL', () => map(end + 1n))
    map(MSI.start - PAGE)
    map(MSI.last + 1n)
    ioas.allow([{ start: 0x5000_0000n, last: 0x5000_0000n + PAGE - 1n }])
    expectErrno('EADDRINUSE', () => { ioas.allow([{ start: MSI.start - 4n * PAGE, last: MSI.start }]) })
    equal(ioas.map({ address, length: PAGE }), 0x5000_0000n, 'chosen IOVA, by the list before the refused one')
    // One page is left below the window and one is taken above it.
    ioas.allow([{ start: MSI.start - 2n * PAGE, last: MSI.start - 1n }, { start: MSI.last + 1n, last: MSI.last + 2n * PAGE }])
    equal(ioas.map({ address, length: PAGE }), MSI.start - 2n * PAGE, 'first chosen IOVA')
    equal(ioas.map({ address, length: PAGE }), MSI.last + 1n + PAGE, 'second chosen IOVA')
    expectErrno('ENOSPC', () => ioas.map({ address, length: PAGE }))
  },
})

/** The first IOVA that the device's IOMMU cannot translate; undefined when it translates all. */
const reach = (iommu: IommuFd, cdev: VfioCdev): bigint | undefined => {
  const ioas = iommu.ioasAlloc()
  cdev.attach(ioas.id)
  const last = ioas.ranges().ranges.at(-1)?.last ?? LAST
  cdev.detach()
  ioas.destroy()
  return last === LAST ? undefined : last + 1n
}

const attach = defineCase({
  name: 'attach-refused',
  title: 'a device whose reserved ranges are mapped or allowed already is refused with EADDRINUSE and leaves no trace',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_ALLOW_IOVAS', 'IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    const beyond = reach(iommu, cdev)
    for (const iova of [MSI.start, MSI.start - PAGE, MSI.last + 1n - PAGE, ...(beyond === undefined ? [] : [beyond, LAST - 2n * PAGE + 1n])]) {
      ioas.map(memory, { iova })
      expectErrno('EADDRINUSE', () => cdev.attach(ioas.id))
      equal([...ioas.ranges().ranges], [...ALL], 'ranges after the refused attach')
      equal(ioas.unmapAll(), 2n * PAGE, 'bytes of the mapping')
    }
    for (const allowed of [MSI, { start: 0x1000_0000n, last: MSI.start }, ...(beyond === undefined ? [] : [{ start: beyond - PAGE, last: beyond }])]) {
      ioas.allow([allowed])
      expectErrno('EADDRINUSE', () => cdev.attach(ioas.id))
    }
    ioas.allow([])
    equal([...ioas.ranges().ranges], [...ALL], 'ranges after the refused attaches')
    cdev.attach(ioas.id)
  },
})

const moved = defineCase({
  name: 'replace-moves-them',
  title: 'a device that goes over to another IOAS takes its reserved ranges along',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_IOVA_RANGES'], sources: SOURCES },
  run: (lab) => {
    const { iommu, ioas, device, deviceId } = openThroughCdev(lab, lab.device())
    const { ranges } = ioas.ranges()
    const other = iommu.ioasAlloc()
    device.attach(other.id)
    equal([...ioas.ranges().ranges], [...ALL], 'ranges of the IOAS that it left')
    equal([...other.ranges().ranges], [...ranges], 'ranges of the IOAS that it went to')
    // Another page table of the same IOAS changes nothing.
    device.attach(iommu.hwptAlloc({ deviceId, ptId: other.id }))
    equal([...other.ranges().ranges], [...ranges], 'ranges after the page table was replaced')
    device.detach()
    ok(!other.ranges().ranges.some(({ last }) => last === MSI.start - 1n), 'the MSI window must be free when no device is attached')
  },
})

const room = defineCase({
  name: 'ranges-in-parts',
  title: 'with room for one range only the first is written and EMSGSIZE tells how many there are',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES'], sources: SOURCES },
  run: (lab) => {
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    const { ranges } = ioas.ranges()
    const array = new Uint8Array(new ArrayBuffer(2 * iommufdStructs.iovaRange.size)).fill(0xaa)
    const request = iommufdStructs.ioasIovaRanges.make({ ioas_id: ioas.id, num_iovas: 1, allowed_iovas: addressOf(array) })
    expectErrno('EMSGSIZE', () => iommu.ioctl('IOMMU_IOAS_IOVA_RANGES', request))
    equal(request.get('num_iovas'), ranges.length, 'ranges that there are')
    const first = iommufdStructs.iovaRange.at(array)
    equal({ start: first.get('start'), last: first.get('last') }, { start: ranges[0]?.start ?? 0n, last: ranges[0]?.last ?? 0n }, 'first range')
    equal(array.subarray(16).every((byte) => byte === 0xaa), true, 'memory behind the room is untouched')
  },
})

const noiommu = defineCase({
  name: 'noiommu-has-none',
  title: 'a noiommu device reserves nothing: IOVAs are names only, all of them usable in whole pages',
  needs: { access: 'cdev', iommu: 'none' },
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES', 'IOMMU_IOAS_MAP'], sources: ['drivers/iommu/iommufd/hwpt_noiommu.c', 'drivers/iommu/iommufd/device.c'] },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const { ranges, alignment } = ioas.ranges()
    equal([...ranges], [...ALL], 'ranges')
    equal(alignment, PAGE, 'alignment')
    for (const iova of [0n, MSI.start, 1n << 48n, 1n << 57n, LAST - PAGE + 1n]) equal(ioas.map(memory, { iova }), iova, 'IOVA of a mapping')
    equal(ioas.unmapAll(), 5n * PAGE, 'bytes mapped')
  },
})

const shared = defineCase({
  name: 'last-device-frees',
  title: 'the reserved ranges stay as long as any device is attached',
  needs: { ...NEEDS, devices: 2 },
  covers: { ioctls: ['IOMMU_IOAS_IOVA_RANGES', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const [one, two] = lab.devices()
    const iommu = lab.use(IommuFd.open())
    const [first, second] = [bindCdev(lab, one, iommu), bindCdev(lab, two, iommu)]
    const ioas = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    first.cdev.attach(ioas.id)
    second.cdev.attach(ioas.id)
    const { ranges } = ioas.ranges()
    first.cdev.detach()
    equal([...ioas.ranges().ranges], [...ranges], 'ranges after the first device left')
    expectErrno('EINVAL', () => ioas.map(memory, { iova: MSI.start }))
    second.cdev.close()
    equal([...ioas.ranges().ranges], [...ALL], 'ranges after both left')
    ioas.map(memory, { iova: MSI.start })
  },
})

export const reservedIovas = suite('reserved-iovas', [hole, refused, attach, moved, room, noiommu, shared])
