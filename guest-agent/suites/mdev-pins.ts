import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { attachMdev, bindMdev, createMdev, openMdevGroup } from '../mdev/open-mdev.ts'
import { lockedKb, pinnedKb } from '../sys/locked-memory.ts'
import { Memory, PAGE_SIZE, addressOf } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import type { Container } from '../vfio/container.ts'

const CDEV = { config: ['SAMPLE_VFIO_MDEV_MTTY', 'VFIO_DEVICE_CDEV'] }
const TYPE1 = { config: ['SAMPLE_VFIO_MDEV_MTTY', 'VFIO_GROUP', 'VFIO_IOMMU_TYPE1'] }
const IOPT = ['drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/io_pagetable.c']
const PAGE = BigInt(PAGE_SIZE)
const IOVA = 0x10_0000n

const ioas = defineCase({
  name: 'ioas-pins-nothing',
  title: 'an IOAS that only an mdev is attached to pins no memory: it is mapped before and after, unmapped under the device, and mapped anew',
  needs: CDEV,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: IOPT },
  run: (lab) => {
    const { iommu, cdev } = bindMdev(lab, createMdev(lab, 'mtty', '1'))
    const space = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(16 * PAGE_SIZE))
    const before = pinnedKb()
    const early = space.map(memory)
    cdev.attach(space.id)
    const late = space.map(memory)
    equal(pinnedKb(), before, 'kB pinned')
    equal(space.unmap(early, memory.length), 16n * PAGE, 'bytes unmapped while the device is attached')
    expectErrno('ENOENT', () => space.unmap(late, PAGE_SIZE))
    space.map(memory, { iova: early })
    equal(space.unmapAll(), 32n * PAGE, 'bytes of all that was mapped')
    space.map(memory)
    cdev.close()
    equal(pinnedKb(), before, 'kB pinned after the device was closed')
  },
})

const alignment = defineCase({
  name: 'alignment',
  title: 'an attached mdev wants whole pages: the IOAS tells so and refuses less (EINVAL), and an IOAS that has less already does not take it (EADDRINUSE)',
  needs: CDEV,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_IOVA_RANGES'], sources: IOPT },
  run: (lab) => {
    const { iommu, cdev } = bindMdev(lab, createMdev(lab, 'mtty', '1'))
    const [space, odd] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    const part = { address, length: 16 }
    equal(space.ranges().alignment, 1n, 'alignment of an IOAS without a device')
    const iova = odd.map(part)
    expectErrno('EADDRINUSE', () => cdev.attach(odd.id))
    equal(odd.ranges().alignment, 1n, 'alignment of the IOAS that did not take it')
    cdev.attach(space.id)
    equal(space.ranges().alignment, PAGE, 'alignment with an mdev')
    expectErrno('EINVAL', () => space.map(part))
    // Moving is refused as attaching is, and leaves the device where it is.
    expectErrno('EADDRINUSE', () => cdev.attach(odd.id))
    equal(space.ranges().alignment, PAGE, 'alignment after the device was not moved')
    odd.unmap(iova, 16)
    cdev.attach(odd.id)
    equal([space.ranges().alignment, odd.ranges().alignment], [1n, PAGE], 'alignment of the IOAS that it left, and of the one that it came to')
    cdev.detach()
    equal(odd.ranges().alignment, 1n, 'alignment after it was detached')
    space.map(part)
  },
})

const shared = defineCase({
  name: 'beside-hardware',
  title: 'in an IOAS with a device that has hardware the mapping is pinned once for that one, and the mdev comes and goes without touching it',
  needs: { config: CDEV.config, access: 'cdev', iommu: 'present', device: [] },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'], sources: IOPT },
  run: (lab) => {
    const { iommu, cdev: virtual, ioas: space } = attachMdev(lab, createMdev(lab, 'mtty', '1'))
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    const before = pinnedKb()
    space.map(memory, { iova: IOVA })
    equal(pinnedKb(), before, 'kB pinned for the mdev')
    const { cdev: physical } = bindCdev(lab, lab.device(), iommu)
    physical.attach(space.id)
    equal(pinnedKb() - before, 16, 'kB pinned for the device with hardware')
    virtual.detach()
    virtual.attach(space.id)
    equal(pinnedKb() - before, 16, 'kB pinned after the mdev was detached and came back')
    physical.detach()
    equal(pinnedKb(), before, 'kB pinned after the device with hardware is gone')
    equal(space.unmap(IOVA, memory.length), 4n * PAGE, 'bytes of the mapping')
  },
})

const type1 = defineCase({
  name: 'type1-pins-nothing',
  title: 'a container that has only an mdev locks no memory for what is mapped, takes every address, and unmaps all of it under the open device',
  needs: TYPE1,
  covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_GET_INFO'], sources: ['drivers/vfio/vfio_iommu_type1.c'] },
  run: (lab) => {
    const { container, device } = openMdevGroup(lab, createMdev(lab, 'mtty', '1'), { path: '/dev/vfio/vfio' })
    const memory = lab.use(Memory.pages(16 * PAGE_SIZE))
    const before = lockedKb()
    container.mapDma(memory, IOVA)
    // Where interrupts of hardware are delivered is an address as any other.
    container.mapDma({ address: memory.address, length: PAGE_SIZE }, 0xfee0_0000n)
    equal(lockedKb(), before, 'kB locked')
    ok((container.info().flags & VFIO.VFIO_IOMMU_INFO_PGSIZES) !== 0, 'page sizes of the container')
    equal(container.unmapDma(IOVA, memory.length), 16n * PAGE, 'bytes unmapped')
    equal(container.unmapDma(0n, 0n, VFIO.VFIO_DMA_UNMAP_FLAG_ALL), PAGE, 'bytes that were left')
    container.mapDma(memory, IOVA)
    device.close()
    equal(lockedKb(), before, 'kB locked after the device was closed')
  },
})

/** The dirty pages of a mapping, a bit a page. */
const dirtyPages = (container: Container, pages: number): bigint => {
  const bitmap = new Uint8Array(new ArrayBuffer(8))
  const place = new BigUint64Array([IOVA, BigInt(pages) * PAGE])
  const told = vfioStructs.bitmap.make({ pgsize: PAGE, size: 8n, data: addressOf(bitmap) }).bytes
  const tail = Uint8Array.from([...new Uint8Array(place.buffer), ...told])
  container.ioctl('VFIO_IOMMU_DIRTY_PAGES', vfioStructs.iommuType1DirtyBitmap.make({ flags: VFIO.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP }, { tail }))
  return new DataView(bitmap.buffer).getBigUint64(0, true)
}

const dirty = defineCase({
  name: 'type1-dirty',
  title: 'an mdev writes only to what it pins: in a container that has no other device no page is dirty',
  needs: TYPE1,
  covers: { ioctls: ['VFIO_IOMMU_DIRTY_PAGES'], sources: ['drivers/vfio/vfio_iommu_type1.c'] },
  run: (lab) => {
    const { container } = openMdevGroup(lab, createMdev(lab, 'mtty', '1'), { path: '/dev/vfio/vfio' })
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    const command = (flags: number) => container.ioctl('VFIO_IOMMU_DIRTY_PAGES', vfioStructs.iommuType1DirtyBitmap.make({ flags }))
    container.mapDma(memory, IOVA)
    command(VFIO.VFIO_IOMMU_DIRTY_PAGES_FLAG_START)
    for (let round = 0; round < 2; round += 1) equal(dirtyPages(container, 8), 0n, 'dirty pages')
    command(VFIO.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP)
  },
})

export const mdevPins = suite('mdev-pins', [ioas, alignment, shared, type1, dirty])
