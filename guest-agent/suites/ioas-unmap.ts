import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'

const NEEDS = { config: ['IOMMUFD'] }
const COVERS = { ioctls: ['IOMMU_IOAS_UNMAP'], sources: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c'] }
const PAGE = BigInt(PAGE_SIZE)
const LAST = 0xffff_ffff_ffff_ffffn

const BASE = 0x40_0000n

/** An IOAS with mappings of so many pages at these pages above BASE. */
const ioasWith = (lab: CaseContext, areas: readonly (readonly [page: bigint, pages: bigint])[]): Ioas => {
  const ioas = lab.use(IommuFd.open()).ioasAlloc()
  const { address } = lab.use(Memory.pages(8 * PAGE_SIZE))
  for (const [page, pages] of areas) ioas.map({ address, length: pages * PAGE }, { iova: BASE + page * PAGE })
  return ioas
}

const exact = defineCase({
  name: 'exact',
  title: 'an exact unmap takes this mapping only, tells its length, and a second one is ENOENT',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = ioasWith(lab, [[0n, 2n], [2n, 3n], [5n, 1n]])
    equal(ioas.unmap(BASE + 2n * PAGE, 3n * PAGE), 3n * PAGE, 'bytes unmapped')
    expectErrno('ENOENT', () => ioas.unmap(BASE + 2n * PAGE, 3n * PAGE))
    equal(ioas.unmap(BASE, 2n * PAGE), 2n * PAGE, 'bytes unmapped before it')
    equal(ioas.unmap(BASE + 5n * PAGE, PAGE), PAGE, 'bytes unmapped behind it')
  },
})

const superset = defineCase({
  name: 'contained',
  title: 'a range takes every mapping that lies inside it and tells the bytes mapped, not the bytes asked for',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = ioasWith(lab, [[0n, 1n], [3n, 2n], [6n, 1n], [9n, 4n]])
    equal(ioas.unmap(BASE + PAGE, 8n * PAGE), 3n * PAGE, 'bytes unmapped of the two mappings inside')
    equal(ioas.unmap(BASE, PAGE), PAGE, 'the mapping below the range')
    equal(ioas.unmap(BASE + 8n * PAGE, LAST - 1n - BASE - 8n * PAGE), 4n * PAGE, 'the mapping above the range')
  },
})

const partial = defineCase({
  name: 'partial',
  title: 'part of a mapping cannot be unmapped: ENOENT, and the mapping stays whole',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = ioasWith(lab, [[0n, 4n]])
    for (const [page, pages] of [[0n, 3n], [1n, 3n], [1n, 2n], [-1n, 2n], [3n, 2n], [0n, 1n], [3n, 1n]] as const) {
      expectErrno('ENOENT', () => ioas.unmap(BASE + page * PAGE, pages * PAGE))
    }
    expectErrno('ENOENT', () => ioas.unmap(BASE, 4n * PAGE - 1n))
    expectErrno('ENOENT', () => ioas.unmap(BASE + 1n, 4n * PAGE))
    equal(ioas.unmap(BASE, 4n * PAGE), 4n * PAGE, 'bytes of the mapping')
  },
})

const all = defineCase({
  name: 'all',
  title: 'iova 0 with length 2^64-1 unmaps everything and succeeds on an empty IOAS',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = ioasWith(lab, [[0n, 1n], [2n, 8n], [100n, 3n]])
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    ioas.map({ address, length: PAGE }, { iova: LAST - PAGE + 1n })
    ioas.map({ address, length: PAGE }, { iova: 0n })
    equal(ioas.unmapAll(), 14n * PAGE, 'bytes unmapped')
    equal(ioas.unmapAll(), 0n, 'bytes unmapped of an empty IOAS')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'nothing there is ENOENT, no length EINVAL, a range over the end EOVERFLOW',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const ioas = ioasWith(lab, [[4n, 1n]])
    expectErrno('ENOENT', () => ioas.unmap(BASE, 4n * PAGE))
    expectErrno('ENOENT', () => ioas.unmap(BASE + 5n * PAGE, PAGE))
    expectErrno('EINVAL', () => ioas.unmap(BASE + 4n * PAGE, 0n))
    expectErrno('EINVAL', () => ioas.unmap(0n, 0n))
    // Only iova 0 makes the longest length mean everything.
    expectErrno('EOVERFLOW', () => ioas.unmap(PAGE, LAST))
    expectErrno('EOVERFLOW', () => ioas.unmap(LAST, PAGE))
    expectErrno('EOVERFLOW', () => ioas.unmap(LAST - 1n, PAGE))
    equal(ioas.unmapAll(), PAGE, 'bytes that the refused calls left')
    ioas.destroy()
    expectErrno('ENOENT', () => ioas.unmapAll())
  },
})

export const ioasUnmap = suite('ioas-unmap', [exact, superset, partial, all, refusals])
