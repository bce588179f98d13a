import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { Edu } from '../devices/edu.ts'
import { IommuTestdev } from '../devices/iommu-testdev.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const GET_PA = 'IOMMU_IOAS_NOIOMMU_GET_PA'
const NEEDS = { config: ['IOMMUFD_NOIOMMU'], uapi: [GET_PA], access: 'cdev', iommu: 'none' } as const
const COVERS = {
  ioctls: [GET_PA, 'IOMMU_IOAS_MAP'],
  sources: ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/hwpt_noiommu.c', 'drivers/iommu/iommufd/pages.c'],
}
const PAGE = BigInt(PAGE_SIZE)

/** Offsets of the words that are not 0. A plain loop: a huge page is half a million words. */
const written = (memory: Memory): readonly number[] => {
  const { words } = memory
  const offsets: number[] = []
  for (let index = 0; index < words.length; index += 1) if (words[index] !== 0) offsets.push(index * 4)
  return offsets
}

const everyPage = defineCase({
  name: 'write-to-every-page',
  title: 'what a device writes to the address told for any page of a mapping is in that page and nowhere else',
  needs: { ...NEEDS, deviceKind: 'iommu-testdev' },
  covers: COVERS,
  run: (lab) => {
    const open = openThroughCdev(lab, lab.device('iommu-testdev'))
    const testdev = new IommuTestdev(open)
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    const iova = open.ioas.map(memory)
    for (let page = 0; page < 8; page += 1) {
      const at = page * PAGE_SIZE + 0x40 * (page + 1)
      memory.bytes.fill(0)
      testdev.write(open.ioas.noiommuGetPa(iova + BigInt(at), 4n).physical, 4)
      equal(written(memory), [at], 'bytes of the mapping that the device wrote')
    }
  },
})

const hugePage = defineCase({
  name: 'write-over-contiguous-length',
  title: 'the whole contiguous length told from one address on belongs to the mapping',
  needs: { ...NEEDS, config: [...NEEDS.config, 'HUGETLBFS'], deviceKind: 'iommu-testdev' },
  covers: COVERS,
  run: (lab) => {
    const open = openThroughCdev(lab, lab.device('iommu-testdev'))
    const testdev = new IommuTestdev(open)
    const memory = lab.use(Memory.hugePages(1))
    const iova = open.ioas.map(memory)
    const { physical, length } = open.ioas.noiommuGetPa(iova, BigInt(HUGE_PAGE_SIZE))
    const offsets = [0n, PAGE - 4n, PAGE, length / 2n, length - PAGE, length - 4n]
    for (const offset of offsets) testdev.write(physical + offset, 4)
    equal(written(memory), offsets.map(Number), 'bytes of the mapping that the device wrote')
  },
})

const edu = defineCase({
  name: 'both-ways',
  title: 'a device reads and writes memory at the addresses told, across a page inside a contiguous piece',
  needs: { ...NEEDS, config: [...NEEDS.config, 'HUGETLBFS'], deviceKind: 'edu', device: ['dma-write', 'dma-read', 'dma-64'] },
  covers: COVERS,
  run: async (lab) => {
    const open = openThroughCdev(lab, lab.device('edu'))
    const device = new Edu(lab, open)
    const memory = lab.use(Memory.hugePages(1))
    const iova = open.ioas.map(memory)
    const [from, to, length] = [0x123_400, 5 * PAGE_SIZE - 1024, 2048]
    memory.bytes.set(Uint8Array.from({ length }, (_, index) => (index * 13 + (index >> 8) + 5) & 0xff), from)
    const source = open.ioas.noiommuGetPa(iova + BigInt(from), BigInt(length))
    const target = open.ioas.noiommuGetPa(iova + BigInt(to), BigInt(length))
    equal([source.length, target.length], [BigInt(length), BigInt(length)], 'contiguous lengths')
    const BUFFER = 0x40000n
    await device.transfer(source.physical, BUFFER, length, 0)
    await device.transfer(BUFFER, target.physical, length, 2)
    equalBytes(memory.bytes.slice(to, to + length), memory.bytes.slice(from, from + length), 'what the device carried over')
    equal(memory.bytes[to - 1] === 0 && memory.bytes[to + length] === 0, true, 'the bytes beside it are untouched')
  },
})

export const noiommuDma = suite('noiommu-dma', [everyPage, hugePage, edu])
