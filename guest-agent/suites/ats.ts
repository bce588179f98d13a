import type { CaseContext } from '../case/case-context.ts'
import { type CaseDefinition, defineCase, suite } from '../case/define-case.ts'
import { equal, ok } from '../case/expect.ts'
import { openAtsTarget, type OpenThrough } from '../devices/ats-target.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { type OpenDevice, openThroughCdev, openThroughGroup } from '../vfio/open-device.ts'

/**
 * A device that keeps translations shows what others cannot: whether the IOMMU driver tells it that a translation is gone. Every case makes it keep
 * the translation first, so that an invalidation which does not come leaves the memory reachable.
 */
const NEEDS = { iommu: ['intel', 'device-iotlb'], device: ['ats'] } as const
const COUNTED = { ...NEEDS, device: ['ats', 'ats-counters'] } as const
const CONTAINER = 'VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'
const SOURCES = ['drivers/iommu/intel/cache.c', 'drivers/iommu/intel/iommu.c']
const IOMMUFD = [...SOURCES, 'drivers/iommu/iommufd/io_pagetable.c']
const TYPE1 = [...SOURCES, 'drivers/vfio/vfio_iommu_type1.c', 'drivers/iommu/iommufd/vfio_compat.c']
const FAULT = ['DMAR: .*fault']
const PAGE = BigInt(PAGE_SIZE)
const IOVA = 0x12_3456_7000n
/** Far from IOVA: no invalidation of the one need cover the other. */
const ELSEWHERE = 0x2_0000_0000n

const page = (lab: CaseContext): Memory => lab.use(Memory.pages(PAGE_SIZE))

/** The same case through the cdev and through the group. */
const onBothPaths = (definition: Omit<CaseDefinition, 'covers' | 'run'> & {
  readonly ioctls: { readonly cdev: readonly string[]; readonly group: readonly string[] }
  readonly run: (lab: CaseContext, openThrough: OpenThrough<OpenDevice>) => Promise<void>
}): readonly CaseDefinition[] => {
  const { ioctls, run, needs, ...rest } = definition
  return [
    defineCase({
      ...rest, needs: { ...needs, access: 'cdev' }, covers: { ioctls: ioctls.cdev, sources: IOMMUFD },
      run: (lab) => run(lab, openThroughCdev),
    }),
    defineCase({
      ...rest, name: `${rest.name}-group`, title: `${rest.title}; through the group and its container`,
      needs: { ...needs, access: 'group', config: [...needs?.config ?? [], CONTAINER] }, covers: { ioctls: ioctls.group, sources: TYPE1 },
      run: (lab) => run(lab, openThroughGroup),
    }),
  ]
}

const MAP = { cdev: ['IOMMU_IOAS_MAP'], group: ['VFIO_IOMMU_MAP_DMA'] } as const
const UNMAP = { cdev: ['IOMMU_IOAS_UNMAP'], group: ['VFIO_IOMMU_UNMAP_DMA'] } as const

export const ats = suite('ats', [
  ...onBothPaths({
    name: 'kept',
    title: 'the device asks the IOMMU once for a page and then uses what it was told, for reading and for writing',
    needs: COUNTED,
    ioctls: MAP,
    run: async (lab, openThrough) => {
      const { dma, testdev, arrives } = await openAtsTarget(lab, openThrough)
      const memory = page(lab)
      dma.map(memory, { iova: IOVA })
      const since = testdev.counters
      for (const [round, { hits, misses }] of [[1, { hits: 0, misses: 1 }], [2, { hits: 1, misses: 1 }], [3, { hits: 2, misses: 1 }]] as const) {
        equal(await arrives(IOVA, memory), true, `DMA ${round} arrived`)
        const now = testdev.counters
        equal({ hits: now.hits - since.hits, misses: now.misses - since.misses }, { hits, misses }, `translations after ${round} DMAs`)
      }
      const written = testdev.counters
      for (let round = 0; round < 2; round += 1) equal(await testdev.fromMemory(IOVA), true, 'read')
      equal(testdev.counters.hits - written.hits, 1, 'translations for reading that the device had')
    },
  }),
  ...onBothPaths({
    name: 'unmap',
    title: 'when an unmap has returned, the device reaches the memory no more by what it kept, neither writing nor reading',
    needs: NEEDS,
    ioctls: UNMAP,
    provokes: FAULT,
    run: async (lab, openThrough) => {
      const { dma, testdev, arrives, pattern } = await openAtsTarget(lab, openThrough)
      const [memory, other] = [page(lab), page(lab)]
      dma.map(memory, { iova: IOVA })
      dma.map(other, { iova: ELSEWHERE })
      equal(await arrives(IOVA, memory), true, 'written while it is mapped')
      memory.bytes.set(pattern)
      await testdev.fromMemory(IOVA)
      dma.unmap(IOVA)
      equal(await arrives(IOVA, memory), false, 'written after it was unmapped')
      memory.bytes.fill(0x5a)
      await testdev.fromMemory(IOVA)
      // Writes what the buffer holds: still the pattern.
      equal(await arrives(ELSEWHERE, other), true, 'written elsewhere after that')
    },
  }),
  ...onBothPaths({
    name: 'invalidation',
    title: 'an unmap sends the device an invalidation before it returns, and what was unmapped is no more among what the device keeps',
    needs: COUNTED,
    ioctls: UNMAP,
    run: async (lab, openThrough) => {
      const { dma, testdev } = await openAtsTarget(lab, openThrough)
      dma.map(page(lab), { iova: IOVA })
      await testdev.toMemory(IOVA)
      await testdev.fromMemory(IOVA)
      const kept = testdev.counters
      ok(kept.cached >= 2, `the device keeps ${kept.cached} translations: not one for reading and one for writing`)
      dma.unmap(IOVA)
      const { invalidations, cached } = testdev.counters
      ok(invalidations > kept.invalidations, 'no invalidation came to the device')
      ok(cached <= kept.cached - 2, `of ${kept.cached} translations the device keeps ${cached}: the two of what was unmapped are not gone`)
    },
  }),
  ...onBothPaths({
    name: 'unmap-pages',
    title: 'every page of a mapping is gone when the mapping is, however many pages at whatever alignment',
    needs: NEEDS,
    ioctls: UNMAP,
    provokes: FAULT,
    // A model that does not tell when a DMA is over takes 0.3 s for each.
    timeoutMs: 30_000,
    run: async (lab, openThrough) => {
      const { dma, arrives } = await openAtsTarget(lab, openThrough)
      for (const pages of [2, 3, 5, 8, 17]) {
        const memory = lab.use(Memory.pages(pages * PAGE_SIZE))
        const everyPage = async (expected: boolean, when: string) => {
          for (let index = 0; index < pages; index += 1) {
            equal(await arrives(IOVA + BigInt(index) * PAGE, memory, index * PAGE_SIZE), expected, `page ${index} of ${pages} written ${when}`)
          }
        }
        dma.map(memory, { iova: IOVA })
        await everyPage(true, 'while it is mapped')
        dma.unmap(IOVA)
        await everyPage(false, 'after it was unmapped')
      }
    },
  }),
  ...onBothPaths({
    name: 'unmap-huge-page',
    title: 'a translation of a huge page is gone from its first byte to its last',
    needs: { ...NEEDS, config: ['HUGETLBFS'] },
    ioctls: UNMAP,
    provokes: FAULT,
    run: async (lab, openThrough) => {
      const { dma, arrives } = await openAtsTarget(lab, openThrough)
      const memory = lab.use(Memory.hugePages(1))
      const iova = 0x4000_0000n
      dma.map(memory, { iova })
      equal(await arrives(iova, memory), true, 'written while it is mapped')
      dma.unmap(iova)
      for (const offset of [0, HUGE_PAGE_SIZE / 2, HUGE_PAGE_SIZE - PAGE_SIZE]) {
        equal(await arrives(iova + BigInt(offset), memory, offset), false, `written at 0x${offset.toString(16)} after it was unmapped`)
      }
    },
  }),
  ...onBothPaths({
    name: 'remap',
    title: 'an address that is unmapped and mapped to other memory leads there, and no more to the old one',
    needs: NEEDS,
    ioctls: { cdev: [...UNMAP.cdev, ...MAP.cdev], group: [...UNMAP.group, ...MAP.group] },
    run: async (lab, openThrough) => {
      const { dma, arrivesIn } = await openAtsTarget(lab, openThrough)
      const memories = [page(lab), page(lab), page(lab)]
      for (const [index, memory] of memories.entries()) {
        dma.map(memory, { iova: IOVA })
        equal(await arrivesIn(IOVA, memories), index, 'memory written')
        dma.unmap(IOVA)
      }
    },
  }),
  ...onBothPaths({
    name: 'other-mapping',
    title: 'a mapping stays usable when another one is unmapped',
    needs: NEEDS,
    ioctls: UNMAP,
    provokes: FAULT,
    run: async (lab, openThrough) => {
      const { dma, arrives } = await openAtsTarget(lab, openThrough)
      const [first, second] = [page(lab), page(lab)]
      dma.map(first, { iova: IOVA })
      dma.map(second, { iova: ELSEWHERE })
      equal([await arrives(IOVA, first), await arrives(ELSEWHERE, second)], [true, true], 'written while both are mapped')
      dma.unmap(IOVA)
      equal([await arrives(IOVA, first), await arrives(ELSEWHERE, second)], [false, true], 'written after one was unmapped')
    },
  }),
  ...onBothPaths({
    name: 'read-only',
    title: 'a translation that the device keeps for reading does not let it write',
    needs: NEEDS,
    ioctls: MAP,
    provokes: FAULT,
    run: async (lab, openThrough) => {
      const { dma, testdev, arrives } = await openAtsTarget(lab, openThrough)
      const memory = page(lab)
      dma.map(memory, { iova: IOVA, writeable: false })
      for (let round = 0; round < 2; round += 1) {
        equal(await testdev.fromMemory(IOVA) ?? true, true, 'read')
        equal(await arrives(IOVA, memory), false, 'written')
      }
    },
  }),
])
