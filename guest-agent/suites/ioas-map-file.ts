import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Fd } from '../sys/fd.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const NEEDS = { config: ['IOMMUFD', 'MEMFD_CREATE'], uapi: ['IOMMU_IOAS_MAP_FILE'] }
const IOCTLS = ['IOMMU_IOAS_MAP_FILE']
const SOURCES = ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c']
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const life = defineCase({
  name: 'memfd',
  title: 'a memfd is mapped whole or in part, outlives its descriptor and follows the rules of every mapping',
  needs: NEEDS,
  covers: { ioctls: [...IOCTLS, 'IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_COPY'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [ioas, copy] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const file = memfd(4 * PAGE_SIZE)
    equal(ioas.mapFile(file, { length: 4n * PAGE, iova: 0x10_0000n }), 0x10_0000n, 'IOVA of the whole file')
    const chosen = ioas.mapFile(file, { start: PAGE, length: 2n * PAGE })
    expectErrno('EEXIST', () => ioas.mapFile(file, { length: PAGE, iova: 0x10_0000n }))
    file.close()
    copy.copyFrom(ioas, { from: chosen, length: 2n * PAGE })
    equal(ioas.unmap(chosen, 2n * PAGE), 2n * PAGE, 'bytes of the part')
    equal(ioas.unmapAll(), 4n * PAGE, 'bytes of the whole file')
    equal(copy.unmapAll(), 2n * PAGE, 'bytes of the copy')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'no such descriptor is EBADF; length, direction and overflow are refused like those of memory',
  needs: NEEDS,
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const file = lab.use(memfd(PAGE_SIZE))
    const map = (values: Parameters<typeof iommufdStructs.ioasMapFile.make>[0]) => iommu.ioctl('IOMMU_IOAS_MAP_FILE', iommufdStructs.ioasMapFile.make({
      ioas_id: ioas.id, flags: IOMMUFD.IOMMU_IOAS_MAP_READABLE, fd: file.number, length: PAGE, ...values,
    }))
    expectErrno('EBADF', () => map({ fd: -1 }))
    expectErrno('EBADF', () => map({ fd: 100_000 }))
    expectErrno('EINVAL', () => map({ length: 0n }))
    expectErrno('EINVAL', () => map({ flags: 0 }))
    expectErrno('EOVERFLOW', () => map({ iova: LAST }))
    expectErrno('EOVERFLOW', () => map({ length: LAST }))
    expectErrno('EOVERFLOW', () => map({ start: LAST }))
    expectErrno('ENOENT', () => map({ ioas_id: ioas.id + 1 }))
    equal(ioas.unmapAll(), 0n, 'bytes that the refused mappings left')
  },
})

const pinned = defineCase({
  name: 'attached-refusals',
  title: 'with a device attached the file must be a memfd and long enough; a refused mapping leaves nothing pinned',
  needs: { ...NEEDS, access: 'cdev' },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const file = lab.use(memfd(2 * PAGE_SIZE))
    const other = lab.use(Fd.open('/dev/zero'))
    const at = { iova: 0x10_0000n }
    expectErrno('EINVAL', () => ioas.mapFile(other, { length: PAGE, ...at }))
    expectErrno('EINVAL', () => ioas.mapFile(file, { length: 3n * PAGE, ...at }))
    expectErrno('EINVAL', () => ioas.mapFile(file, { start: 2n * PAGE, length: PAGE, ...at }))
    expectErrno('EINVAL', () => ioas.mapFile(file, { start: 16n, length: PAGE, ...at }))
    equal(ioas.mapFile(file, { start: PAGE, length: PAGE, ...at }), at.iova, 'IOVA that the refused mappings left free')
  },
})

const dma = defineCase({
  name: 'dma-into-memfd',
  title: 'what a device writes into a mapped memfd is in the file, at the page that was mapped',
  needs: { ...NEEDS, access: 'cdev', iommu: 'present', deviceKind: 'iommu-testdev' },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: (lab) => {
    const open = openThroughCdev(lab, lab.device('iommu-testdev'))
    const file = lab.use(memfd(3 * PAGE_SIZE))
    const view = lab.use(Memory.ofFile(file, 3 * PAGE_SIZE))
    view.bytes.fill(0x55)
    const iova = open.ioas.mapFile(file, { start: PAGE, length: PAGE })
    new IommuTestdev(open).write(iova + 0x40n, 4)
    const written = [...view.words.keys()].filter((index) => view.words[index] !== 0x5555_5555)
    equal(written, [(PAGE_SIZE + 0x40) / 4], 'words of the file that the device changed')
    ok(open.ioas.unmapAll() === PAGE, 'one page was mapped')
  },
})

const process = defineCase({
  name: 'change-process',
  title: 'only mappings of files can go over to another process; the call is harmless within one',
  needs: { ...NEEDS, uapi: ['IOMMU_IOAS_MAP_FILE', 'IOMMU_IOAS_CHANGE_PROCESS'] },
  covers: { ioctls: ['IOMMU_IOAS_CHANGE_PROCESS', 'IOMMU_IOAS_MAP_FILE'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const change = () => iommu.ioctl('IOMMU_IOAS_CHANGE_PROCESS', iommufdStructs.ioasChangeProcess.make())
    change()
    const [files, mixed] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    files.mapFile(lab.use(memfd(PAGE_SIZE)), { length: PAGE })
    change()
    mixed.map(lab.use(Memory.pages(PAGE_SIZE)))
    expectErrno('EINVAL', change)
    mixed.unmapAll()
    change()
    equal(files.unmapAll(), PAGE, 'bytes that are still mapped')
  },
})

export const ioasMapFile = suite('ioas-map-file', [life, refusals, pinned, dma, process])
