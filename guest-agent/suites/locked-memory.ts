import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { type Ioas, mapFileRequest, mapRequest } from '../iommufd/ioas.ts'
import { pinnedKb } from '../sys/locked-memory.ts'
import { memfd } from '../sys/memfd.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { iommufdStructs as s } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openGroup } from '../vfio/attached-group.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { Container } from '../vfio/container.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const PAGE = BigInt(PAGE_SIZE)
const [MOST, MORE] = [4, 8]
const IOVA = 0x4000_0000n
const SOURCES = ['drivers/iommu/iommufd/pages.c', 'drivers/iommu/iommufd/io_pagetable.c']

/** Somebody without privilege who may lock four pages, and maps eight where no device is yet: nothing is pinned, so nothing is refused. */
const mapsTooMuch = (lab: CaseContext, iommu: IommuFd, ioas: Ioas): void => {
  const other = lab.use(OtherProcess.nobody([iommu.fd], MOST * PAGE_SIZE))
  other.ioctl(other.fd(), 'IOMMU_IOAS_MAP', mapRequest(ioas.id, { address: other.pages(MORE * PAGE_SIZE), length: MORE * PAGE_SIZE }, { iova: IOVA }))
}

const attach = defineCase({
  name: 'attach',
  title: 'a device cannot be attached, nor a page table made, over memory that its owner may not lock; without that memory it can',
  needs: { access: 'cdev' },
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_HWPT_ALLOC', 'IOMMU_IOAS_MAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/hw_pagetable.c'] },
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    mapsTooMuch(lab, iommu, ioas)
    expectErrno('ENOMEM', () => cdev.attach(ioas.id))
    // A page table of its own is filled only where an IOMMU has to have it at once; it never is by halves.
    expectErrno('ENOMEM', () => iommu.hwptAlloc({ deviceId, ptId: ioas.id }))
    equal(ioas.unmap(IOVA, MORE * PAGE_SIZE), BigInt(MORE) * PAGE, 'bytes that were unmapped')
    cdev.attach(ioas.id)
  },
})

const copy = defineCase({
  name: 'copy-and-file',
  title: 'a copy for a device of memory that its owner may not lock, and a file beyond the limit, are ENOMEM and leave their IOVA free',
  needs: { access: 'cdev', uapi: ['IOMMU_IOAS_MAP_FILE'], config: ['MEMFD_CREATE'] },
  covers: { ioctls: ['IOMMU_IOAS_COPY', 'IOMMU_IOAS_MAP_FILE'], sources: SOURCES },
  run: (lab) => {
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    const elsewhere = iommu.ioasAlloc()
    mapsTooMuch(lab, iommu, elsewhere)
    expectErrno('ENOMEM', () => ioas.copyFrom(elsewhere, { from: IOVA, length: BigInt(MORE) * PAGE, iova: IOVA }))
    equal(ioas.copyFrom(elsewhere, { from: IOVA, length: BigInt(MOST) * PAGE, iova: IOVA }), IOVA, 'IOVA of a copy of what may be locked')
    using file = memfd(MORE * PAGE_SIZE)
    const other = lab.use(OtherProcess.nobody([iommu.fd, file], MOST * PAGE_SIZE))
    const iova = 2n * IOVA
    const map = (pages: number) => other.ioctl(other.fd(), 'IOMMU_IOAS_MAP_FILE', mapFileRequest(ioas.id, other.fd(1), { length: BigInt(pages) * PAGE, iova }))
    // All processes of a user share what it may lock, and four pages of it are.
    expectErrno('ENOMEM', () => map(1))
    equal(ioas.unmap(IOVA, MOST * PAGE_SIZE), BigInt(MOST) * PAGE, 'bytes of the copy')
    expectErrno('ENOMEM', () => map(MOST + 1))
    map(MOST)
    equal(ioas.unmap(iova, MOST * PAGE_SIZE), BigInt(MOST) * PAGE, 'bytes of the file')
  },
})

/** What both cases have in common of which one process takes over what another one has mapped. */
const HANDED_ON = {
  needs: { access: 'cdev', uapi: ['IOMMU_IOAS_CHANGE_PROCESS'], config: ['MEMFD_CREATE'] },
  covers: { ioctls: ['IOMMU_IOAS_CHANGE_PROCESS', 'IOMMU_IOAS_MAP_FILE'], sources: ['drivers/iommu/iommufd/ioas.c', ...SOURCES] },
} as const

/** All of the file that it inherited second. */
const mapsFile = (giver: OtherProcess, ioas: Ioas): void => {
  giver.ioctl(giver.fd(), 'IOMMU_IOAS_MAP_FILE', mapFileRequest(ioas.id, giver.fd(1), { length: BigInt(MORE) * PAGE, iova: IOVA }))
}

const takesOver = (taker: OtherProcess): void => {
  taker.ioctl(taker.fd(), 'IOMMU_IOAS_CHANGE_PROCESS', s.ioasChangeProcess.make())
}

const handed = defineCase({
  name: 'handed-on',
  title: 'who takes over the mappings of another process must be allowed to lock them: otherwise they stay with the other one',
  ...HANDED_ON,
  run: (lab) => {
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    using file = memfd(MORE * PAGE_SIZE)
    const giver = lab.use(OtherProcess.nobody([iommu.fd, file], MORE * PAGE_SIZE))
    mapsFile(giver, ioas)
    const taker = lab.use(OtherProcess.nobody([iommu.fd], MOST * PAGE_SIZE))
    expectErrno('ENOMEM', () => { takesOver(taker) })
    takesOver(giver)
    equal(ioas.unmap(IOVA, MORE * PAGE_SIZE), BigInt(MORE) * PAGE, 'bytes that were unmapped')
  },
})

const counted = defineCase({
  name: 'handed-on-by-privileged',
  title: 'what a privileged process has pinned counts as that of who takes it over, and as nobody\'s when it is unmapped',
  ...HANDED_ON,
  run: (lab) => {
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    using file = memfd(MORE * PAGE_SIZE)
    const [giver, taker] = [lab.use(new OtherProcess([iommu.fd, file])), lab.use(new OtherProcess([iommu.fd]))]
    const pinned = () => [giver, taker].map(({ pid }) => pinnedKb(pid))
    const all = (MORE * PAGE_SIZE) / 1024
    mapsFile(giver, ioas)
    equal(pinned(), [all, 0], 'kB pinned by who maps and by who is to take it over')
    takesOver(taker)
    equal(pinned(), [0, all], 'kB pinned by who mapped and by who took it over')
    equal(ioas.unmap(IOVA, MORE * PAGE_SIZE), BigInt(MORE) * PAGE, 'bytes that were unmapped')
    equal(pinned(), [0, 0], 'kB pinned by who mapped and by who took it over, when it is unmapped')
  },
})

const group = defineCase({
  name: 'group',
  title: 'a device of a group cannot be opened over memory of its IOAS that the owner may not lock',
  needs: { access: 'group', config: ['IOMMUFD'], iommu: 'present' },
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD', 'IOMMU_VFIO_IOAS', 'IOMMU_IOAS_MAP'], sources: ['drivers/vfio/group.c', 'drivers/vfio/iommufd.c', ...SOURCES] },
  run: (lab) => {
    const pci = lab.device()
    const container = lab.use(Container.open('/dev/iommu'))
    const iommu = new IommuFd(container.fd)
    const ioas = iommu.ioasAlloc()
    iommu.setVfioIoas(ioas.id)
    const vfioGroup = openGroup(lab, pci)
    vfioGroup.setContainer(container)
    container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    mapsTooMuch(lab, iommu, ioas)
    expectErrno('ENOMEM', () => vfioGroup.device(pci.bdf))
    ioas.unmapAll()
    lab.use(vfioGroup.device(pci.bdf))
  },
})

export const lockedMemoryLimit = suite('locked-memory', [attach, copy, handed, counted, group])
