import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'

const NEEDS = { config: ['IOMMUFD'] }
const SOURCES = ['drivers/iommu/iommufd/vfio_compat.c', 'drivers/iommu/iommufd/main.c']
const PAGE = BigInt(PAGE_SIZE)

const ioas = defineCase({
  name: 'vfio-ioas',
  title: 'the compatibility IOAS is set, told, cleared, and gone with its object',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_VFIO_IOAS', 'IOMMU_DESTROY'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const other = lab.use(IommuFd.open())
    expectErrno('ENODEV', () => iommu.getVfioIoas())
    const [first, second] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    expectErrno('ENODEV', () => iommu.getVfioIoas())
    expectErrno('ENOENT', () => { iommu.setVfioIoas(second.id + 1) })
    iommu.setVfioIoas(first.id)
    equal(iommu.getVfioIoas(), first.id, 'id of the compatibility IOAS')
    expectErrno('ENODEV', () => other.getVfioIoas())
    iommu.setVfioIoas(second.id)
    first.destroy()
    equal(iommu.getVfioIoas(), second.id, 'id after another IOAS was destroyed')
    second.destroy()
    expectErrno('ENODEV', () => iommu.getVfioIoas())
    const third = iommu.ioasAlloc()
    // It may lie where the one that was destroyed lay; nobody has set it.
    expectErrno('ENODEV', () => iommu.getVfioIoas())
    iommu.setVfioIoas(third.id)
    iommu.clearVfioIoas()
    expectErrno('ENODEV', () => iommu.getVfioIoas())
    equal(third.unmapAll(), 0n, 'the IOAS that was cleared is still there')
  },
})

const mapping = defineCase({
  name: 'type1-maps-into-ioas',
  title: 'the type1 ioctls on /dev/iommu work on the compatibility IOAS and on nothing else',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA', 'VFIO_SET_IOMMU', 'IOMMU_VFIO_IOAS'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const compat = new Container(iommu.fd)
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    expectErrno('ENODEV', () => { compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) })
    expectErrno('ENODEV', () => { compat.mapDma(memory, 0x1_0000n) })
    expectErrno('ENODEV', () => compat.unmapDma(0x1_0000n, PAGE))
    expectErrno('ENODEV', () => compat.info())
    const [plain, legacy] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    iommu.setVfioIoas(legacy.id)
    compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    compat.mapDma(memory, 0x1_0000n)
    expectErrno('EEXIST', () => legacy.map(memory, { iova: 0x1_0000n }))
    legacy.map(memory, { iova: 0x2_0000n })
    equal(compat.unmapDma(0x1_0000n, 0x2_0000n), 4n * PAGE, 'bytes unmapped, both mappings')
    equal(plain.unmapAll(), 0n, 'bytes in the IOAS that is not the compatibility IOAS')
  },
})

const split = defineCase({
  name: 'type1-splits',
  title: 'type1 unmaps a hole into a mapping, type1v2 refuses that with ENOENT',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'VFIO_SET_IOMMU'], sources: [...SOURCES, 'drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const compat = new Container(iommu.fd)
    const space = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(6 * PAGE_SIZE))
    const at = 0x10_0000n
    iommu.setVfioIoas(space.id)
    compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    compat.mapDma(memory, at)
    expectErrno('ENOENT', () => compat.unmapDma(at + PAGE, PAGE))
    equal(space.unmapAll(), 6n * PAGE, 'bytes of the mapping that could not be split')
    compat.setIommu(VFIO.VFIO_TYPE1_IOMMU)
    equal(iommu.getOption(IOMMUFD.IOMMU_OPTION_HUGE_PAGES, space.id), 0n, 'type1 must switch huge pages off')
    compat.mapDma(memory, at)
    equal(compat.unmapDma(at + 2n * PAGE, PAGE), PAGE, 'bytes of the hole')
    equal(space.unmap(at, 2n * PAGE), 2n * PAGE, 'bytes before the hole')
    equal(compat.unmapDma(at + 5n * PAGE, PAGE), PAGE, 'bytes cut off the end')
    equal(compat.unmapDma(0n, 0n, VFIO.VFIO_DMA_UNMAP_FLAG_ALL), 2n * PAGE, 'bytes left')
  },
})

const subPage = defineCase({
  name: 'type1-whole-pages',
  title: 'type1 of the first version, which has only small pages, is refused over a mapping that is no whole page: EADDRINUSE',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_SET_IOMMU', 'IOMMU_IOAS_MAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const compat = new Container(iommu.fd)
    const space = iommu.ioasAlloc()
    iommu.setVfioIoas(space.id)
    space.map({ address: lab.use(Memory.pages(PAGE_SIZE)).address, length: 1 }, { iova: 0x1_0000n })
    expectErrno('EADDRINUSE', () => { compat.setIommu(VFIO.VFIO_TYPE1_IOMMU) })
    equal(iommu.getOption(IOMMUFD.IOMMU_OPTION_HUGE_PAGES, space.id), 1n, 'huge pages after it was refused')
    compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    equal(space.unmapAll(), 1n, 'bytes of the mapping')
    compat.setIommu(VFIO.VFIO_TYPE1_IOMMU)
  },
})

const noAccess = defineCase({
  name: 'map-without-access',
  title: 'a mapping that can be neither read nor written is EINVAL for VFIO_IOMMU_MAP_DMA, as type1 has it and linux/vfio.h says',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const compat = new Container(iommu.fd)
    const space = iommu.ioasAlloc()
    iommu.setVfioIoas(space.id)
    compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    expectErrno('EINVAL', () => { compat.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x1_0000n, 0) })
    equal(space.unmapAll(), 0n, 'bytes that the refused mapping left')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'container types that iommufd does not emulate, flags and lengths are refused as type1 refuses them',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_SET_IOMMU', 'VFIO_CHECK_EXTENSION', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA', 'VFIO_IOMMU_DIRTY_PAGES', 'VFIO_GET_API_VERSION'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const compat = new Container(iommu.fd)
    const space = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    iommu.setVfioIoas(space.id)
    equal(compat.apiVersion(), VFIO.VFIO_API_VERSION, 'API version')
    for (const type of [VFIO.VFIO_TYPE1_IOMMU, VFIO.VFIO_TYPE1v2_IOMMU, VFIO.VFIO_UNMAP_ALL]) equal(compat.checkExtension(type), 1, `extension ${type}`)
    equal(compat.checkExtension(VFIO.VFIO_NOIOMMU_IOMMU), lab.config('VFIO_NOIOMMU') ? 1 : 0, 'extension VFIO_NOIOMMU_IOMMU')
    for (const type of [VFIO.VFIO_SPAPR_TCE_IOMMU, VFIO.VFIO_UPDATE_VADDR, 99]) equal(compat.checkExtension(type), 0, `extension ${type}`)
    for (const type of [0, VFIO.VFIO_SPAPR_TCE_IOMMU, VFIO.VFIO_NOIOMMU_IOMMU, 99]) expectErrno('EINVAL', () => { compat.setIommu(type) })
    compat.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
    expectErrno('EINVAL', () => { compat.mapDma(memory, 0n, VFIO.VFIO_DMA_MAP_FLAG_READ | VFIO.VFIO_DMA_MAP_FLAG_VADDR) })
    expectErrno('EINVAL', () => { compat.mapDma({ address: memory.address, length: 0 }, 0n) })
    expectErrno('EINVAL', () => compat.unmapDma(0n, PAGE, VFIO.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
    expectErrno('EINVAL', () => compat.unmapDma(0n, PAGE, VFIO.VFIO_DMA_UNMAP_FLAG_ALL))
    expectErrno('ENOTTY', () => compat.ioctl('VFIO_IOMMU_DIRTY_PAGES', new Uint8Array(new ArrayBuffer(64))))
    equal(space.unmapAll(), 0n, 'bytes that the refused mappings left')
  },
})

export const iommufdCompat = suite('iommufd-compat', [ioas, mapping, split, subPage, noAccess, refusals])
