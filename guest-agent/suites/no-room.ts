import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { readText, writeText } from '../sys/text-file.ts'
import { Tmpfs } from '../sys/tmpfs.ts'
import { iommufdStructs as s } from '../uapi/iommufd.ts'
import { attachGroup, hasContainer } from '../vfio/attached-group.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { compatIoas } from '../vfio/compat-ioas.ts'

const PAGE = BigInt(PAGE_SIZE)
const FIRST = 0x100_0000n
const FILE_MAX = '/proc/sys/fs/file-max'

const iovas = defineCase({
  name: 'iovas',
  title: 'where no allowed IOVA is free, the kernel finds none for memory, a file or a copy: ENOSPC, and the mappings stay',
  needs: { config: ['IOMMUFD', 'MEMFD_CREATE'], uapi: ['IOMMU_IOAS_MAP_FILE'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_MAP_FILE', 'IOMMU_IOAS_COPY', 'IOMMU_IOAS_ALLOW_IOVAS'], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [ioas, source] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    using file = memfd(PAGE_SIZE)
    const from = source.map(memory)
    ioas.allow([{ start: FIRST, last: FIRST + 2n * PAGE - 1n }])
    ioas.map({ address: memory.address, length: PAGE_SIZE }, { iova: FIRST })
    expectErrno('ENOSPC', () => ioas.map(memory))
    expectErrno('ENOSPC', () => ioas.copyFrom(source, { from, length: 2n * PAGE }))
    equal(ioas.mapFile(file, { length: PAGE }), FIRST + PAGE, 'the last free IOVA')
    expectErrno('ENOSPC', () => ioas.mapFile(file, { length: PAGE }))
    expectErrno('ENOSPC', () => ioas.copyFrom(source, { from, length: PAGE }))
    equal(ioas.unmapAll(), 2n * PAGE, 'bytes mapped in the end')
  },
})

/** What asks for a descriptor when the process, and then the whole guest, has none to give. */
const withoutDescriptors = (other: OtherProcess, ask: () => unknown): void => {
  other.limitDescriptors(other.fd(1))
  expectErrno('EMFILE', ask)
  other.limitDescriptors(1000)
  const before = readText(FILE_MAX) ?? ''
  other.becomeNobody()
  try {
    writeText(FILE_MAX, '1')
    expectErrno('ENFILE', ask)
  } finally {
    writeText(FILE_MAX, before)
  }
}

const faultQueue = defineCase({
  name: 'descriptors',
  title: 'a fault queue for which there is no descriptor is EMFILE, with no file left in the guest ENFILE, and no object is made',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_FAULT_QUEUE_ALLOC'], sources: ['drivers/iommu/iommufd/eventq.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const other = lab.use(new OtherProcess([iommu.fd]))
    const before = iommu.ioasAlloc().id
    withoutDescriptors(other, () => other.ioctl(other.fd(), 'IOMMU_FAULT_QUEUE_ALLOC', s.faultAlloc.make()))
    for (let id = before + 1; id < before + 4; id += 1) expectErrno('ENOENT', () => { iommu.destroy(id) })
    other.ioctl(other.fd(), 'IOMMU_FAULT_QUEUE_ALLOC', s.faultAlloc.make())
  },
})

const device = defineCase({
  name: 'descriptors-of-group',
  title: 'a device for which there is no descriptor is EMFILE, with no file left in the guest ENFILE, and can be opened afterwards',
  // Without an IOMMU nobody without privilege gets a device at all.
  needs: { access: 'group', iommu: 'present' },
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: ['drivers/vfio/group.c'] },
  run: (lab) => {
    const { pci, group } = attachGroup(lab, { path: hasContainer(lab) ? '/dev/vfio/vfio' : '/dev/iommu' })
    const other = lab.use(new OtherProcess([group.fd]))
    const name = other.pages(PAGE_SIZE)
    other.write(name, new TextEncoder().encode(`${pci.bdf}\0`))
    withoutDescriptors(other, () => other.ioctlAt(other.fd(), 'VFIO_GROUP_GET_DEVICE_FD', name))
    lab.use(group.device(pci.bdf))
  },
})

/** A tmpfs that has room for half of its file. */
const TMPFS_PAGES = 4
const FILE_PAGES = 2 * TMPFS_PAGES

/** A file that cannot have all of its pages is mapped as long as nobody needs them. */
const mapTooMuch = (lab: CaseContext, ioas: Ioas): void => {
  const tmpfs = lab.use(new Tmpfs(TMPFS_PAGES * PAGE_SIZE))
  using file = tmpfs.hole('file', FILE_PAGES * PAGE_SIZE)
  ioas.mapFile(file, { length: BigInt(FILE_PAGES) * PAGE })
}

const pages = defineCase({
  name: 'tmpfs',
  title: 'no page table is made over a file whose tmpfs has no room for its pages: ENOSPC, nor by attaching; without the file there is one',
  needs: { access: 'cdev', config: ['TMPFS'], uapi: ['IOMMU_IOAS_MAP_FILE'] },
  covers: { ioctls: ['IOMMU_HWPT_ALLOC', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP_FILE'], sources: ['drivers/iommu/iommufd/pages.c', 'drivers/iommu/iommufd/hw_pagetable.c'] },
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    mapTooMuch(lab, ioas)
    expectErrno('ENOSPC', () => iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
    expectErrno('ENOSPC', () => cdev.attach(ioas.id))
    equal(ioas.unmapAll(), BigInt(FILE_PAGES) * PAGE, 'bytes of the file that are still mapped')
    cdev.attach(ioas.id)
  },
})

const pagesOfGroup = defineCase({
  name: 'tmpfs-of-group',
  title: 'a device is not opened in a group whose IOAS has a file that its tmpfs has no room for: ENOSPC; without the file it is',
  needs: { access: 'group', iommu: 'present', config: ['IOMMUFD', 'TMPFS'], uapi: ['IOMMU_IOAS_MAP_FILE'] },
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_IOAS_MAP_FILE'], sources: ['drivers/iommu/iommufd/pages.c', 'drivers/vfio/group.c', 'drivers/vfio/iommufd.c'] },
  run: (lab) => {
    const { pci, group, container } = attachGroup(lab, { path: '/dev/iommu' })
    const ioas = compatIoas(container)
    mapTooMuch(lab, ioas)
    expectErrno('ENOSPC', () => group.device(pci.bdf))
    equal(ioas.unmapAll(), BigInt(FILE_PAGES) * PAGE, 'bytes of the file that are still mapped')
    lab.use(group.device(pci.bdf))
  },
})

export const noRoom = suite('no-room', [iovas, faultQueue, device, pages, pagesOfGroup])
