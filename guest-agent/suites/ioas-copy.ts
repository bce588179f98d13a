import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'

const NEEDS = { config: ['IOMMUFD'] }
const COVERS = { ioctls: ['IOMMU_IOAS_COPY'], sources: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c'] }
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const between = defineCase({
  name: 'between-ioases',
  title: 'a mapping, or a part of it, is mapped in another IOAS where asked or where the kernel chooses',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [source, target] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    const from = source.map(memory)
    equal(target.copyFrom(source, { from, length: 4n * PAGE, iova: 0x100_0000n }), 0x100_0000n, 'IOVA of the whole copy')
    equal(target.copyFrom(source, { from: from + PAGE, length: 2n * PAGE, iova: 0x200_0000n }), 0x200_0000n, 'IOVA of the middle')
    const chosen = target.copyFrom(source, { from, length: PAGE })
    equal(target.unmap(0x200_0000n, 2n * PAGE), 2n * PAGE, 'bytes of the middle')
    equal(target.unmap(chosen, PAGE), PAGE, 'bytes of the copy where the kernel chose')
    // What is left in one does not depend on the other.
    equal(source.unmapAll(), 4n * PAGE, 'bytes of the source')
    equal(target.unmapAll(), 4n * PAGE, 'bytes of the whole copy')
  },
})

const within = defineCase({
  name: 'within-one-ioas',
  title: 'an IOAS may copy from itself, but not over what is mapped',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    const from = ioas.map(memory, { iova: 16n * PAGE })
    ioas.copyFrom(ioas, { from, length: 2n * PAGE, iova: from + 2n * PAGE })
    expectErrno('EEXIST', () => ioas.copyFrom(ioas, { from, length: 2n * PAGE, iova: from }))
    expectErrno('EEXIST', () => ioas.copyFrom(ioas, { from, length: PAGE, iova: from + 3n * PAGE }))
    equal(ioas.unmapAll(), 4n * PAGE, 'bytes mapped in all')
  },
})

const contiguous = defineCase({
  name: 'across-mappings',
  title: 'a copy may span mappings that touch each other, but no hole',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [source, target] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const { address } = lab.use(Memory.pages(2 * PAGE_SIZE))
    const base = 0x80_0000n
    source.map({ address, length: 2n * PAGE }, { iova: base })
    source.map({ address, length: PAGE }, { iova: base + 2n * PAGE })
    source.map({ address, length: PAGE }, { iova: base + 4n * PAGE })
    target.copyFrom(source, { from: base + PAGE, length: 2n * PAGE, iova: 0n })
    // It came as two mappings and can go as two.
    equal(target.unmap(PAGE, PAGE), PAGE, 'bytes of the second part')
    equal(target.unmap(0n, PAGE), PAGE, 'bytes of the first part')
    for (const [page, pages] of [[2n, 2n], [2n, 3n], [3n, 1n], [3n, 2n], [4n, 2n], [-1n, 2n]] as const) {
      expectErrno('ENOENT', () => target.copyFrom(source, { from: base + page * PAGE, length: pages * PAGE }))
    }
    equal(target.unmapAll(), 0n, 'bytes that the refused copies left')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'length, direction, overflow, unknown IOASes and a write right that the source lacks are refused',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const [source, target] = [iommu.ioasAlloc(), iommu.ioasAlloc()]
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const from = source.map(memory, { access: IOMMUFD.IOMMU_IOAS_MAP_READABLE })
    const copy = (values: Parameters<typeof iommufdStructs.ioasCopy.make>[0]) => iommu.ioctl('IOMMU_IOAS_COPY', iommufdStructs.ioasCopy.make({
      flags: IOMMUFD.IOMMU_IOAS_MAP_READABLE, src_ioas_id: source.id, dst_ioas_id: target.id, src_iova: from, length: PAGE, ...values,
    }))
    expectErrno('EINVAL', () => copy({ flags: 0 }))
    expectErrno('EINVAL', () => copy({ length: 0n }))
    expectErrno('EOVERFLOW', () => copy({ src_iova: LAST }))
    expectErrno('EOVERFLOW', () => copy({ dst_iova: LAST }))
    expectErrno('EOVERFLOW', () => copy({ length: LAST }))
    expectErrno('EOVERFLOW', () => copy({ src_iova: LAST - 1n }))
    expectErrno('EOVERFLOW', () => copy({ flags: 5, dst_iova: LAST - 1n }))
    expectErrno('ENOENT', () => copy({ src_ioas_id: 0 }))
    expectErrno('ENOENT', () => copy({ dst_ioas_id: target.id + 1 }))
    expectErrno('EPERM', () => copy({ flags: IOMMUFD.IOMMU_IOAS_MAP_READABLE | IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE }))
    equal(target.unmapAll(), 0n, 'bytes that the refused copies left')
    copy({})
    equal(target.unmapAll(), PAGE, 'bytes of the read-only copy')
  },
})

export const ioasCopy = suite('ioas-copy', [between, within, contiguous, refusals])
