import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, ok } from '../case/expect.ts'
import { disableBusMaster, enableBusMaster } from '../devices/bus-master.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import { BUFFER, DMA_TO_MEMORY, Edu } from '../devices/edu.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openAnyDevice, openThroughGroup, type OpenDevice } from '../vfio/open-device.ts'

const SOURCES = ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c']
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
/** Who tells the IOMMU to forget. */
const FLUSHERS = ['drivers/iommu/intel/cache.c', 'drivers/iommu/iommu.c']
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'
const REPORTER = ['dma-write', 'dma-64', 'fault-report'] as const
/** Not reachable with 32 bits. */
const HIGH = 0x12_3456_7000n
const PAGE = BigInt(PAGE_SIZE)
const LENGTH = 512

/** What the device reads from one page it writes into another; the pages lie above 4 GiB where the address is ours to choose. */
const roundTrip = async (lab: CaseContext, open: OpenDevice): Promise<void> => {
  const edu = new Edu(lab, open)
  const [from, to] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
  from.words.set(from.words.map((_, index) => 0x9e37_79b1 * (index + 1)))
  const source = open.dma.map(from, { iova: HIGH })
  const destination = open.dma.map(to, { iova: HIGH + 16n * PAGE })
  await edu.transfer(source, BUFFER, LENGTH, 0)
  await edu.transfer(BUFFER, destination + 64n, LENGTH, DMA_TO_MEMORY)
  equalBytes(to.bytes.slice(64, 64 + LENGTH), from.bytes.slice(0, LENGTH), 'memory that the device wrote what it had read to')
  ok(to.bytes.slice(64 + LENGTH).every((byte) => byte === 0), 'nothing may be written behind what the device was told to write')
}

/** The device that tells what became of its DMA, and a DMA write of some bytes by it. */
const openReporter = async (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device(REPORTER))
  const writer = await dmaWriter(lab, open)
  const write = async (address: bigint, memory: Memory, offset = 0): Promise<boolean> => {
    memory.bytes.fill(0)
    const report = await writer.dmaWrite(address, 16)
    const written = memory.bytes.slice(offset, offset + 16)
    if (report.translated === true) equalWritten(written, report, 'memory after the DMA')
    else equalBytes(written, new Uint8Array(16), 'memory after a DMA that was refused')
    return report.translated === true
  }
  return { open, writer, write }
}

interface Unmapped {
  readonly iova: bigint
  readonly pages: number
}

/** Ranges that an IOMMU is told to forget in different ways: by page, by powers of two, and over the end of a page table. */
const UNMAPPED: readonly Unmapped[] = [
  { iova: HIGH, pages: 1 }, { iova: HIGH, pages: 2 }, { iova: HIGH + PAGE, pages: 2 }, { iova: HIGH, pages: 5 }, { iova: HIGH + PAGE, pages: 8 },
  { iova: (1n << 21n) * 3n - PAGE, pages: 2 },
]
/** The power of two that holds both pages is more than an IOMMU can be told at once. */
const OVER_A_GIB: readonly Unmapped[] = [{ iova: (1n << 30n) * 3n - PAGE, pages: 2 }]

/** Mapped this far before and behind a range it is in the same page tables, so that they stay and only the range is to be forgotten. */
const BESIDE = 2n * PAGE

/** Pages of a range that may tell different things: its ends and its middle. */
const tellingPages = (pages: number): readonly number[] => [...new Set([0, Math.floor(pages / 2), pages - 1])]

const unmapsEveryPage = async (lab: CaseContext, open: OpenDevice, ranges = UNMAPPED): Promise<void> => {
  const writer = await dmaWriter(lab, open)
  const reaches = async (iova: bigint): Promise<boolean> => (await writer.dmaWrite(iova, 16)).translated === true
  const beside = lab.use(Memory.pages(PAGE_SIZE))
  for (const { iova, pages, neighbours } of ranges.flatMap((range) => [[], [range.iova - BESIDE, range.iova + BigInt(range.pages - 1) * PAGE + BESIDE]].map((neighbours) => ({ ...range, neighbours })))) {
    const memory = lab.use(Memory.pages(pages * PAGE_SIZE))
    for (const neighbour of neighbours) open.dma.map(beside, { iova: neighbour })
    open.dma.map(memory, { iova })
    const reached = async (): Promise<readonly number[]> => {
      const found: number[] = []
      for (const page of tellingPages(pages)) if (await reaches(iova + BigInt(page) * PAGE)) found.push(page)
      return found
    }
    const where = `pages of ${pages} at 0x${iova.toString(16)} that the device reaches`
    equal(await reached(), tellingPages(pages), where)
    memory.bytes.fill(0)
    open.dma.unmap(iova)
    equal(await reached(), [], `${where} after they were unmapped`)
    ok(memory.bytes.every((byte) => byte === 0), 'memory was written after it was unmapped')
    for (const neighbour of neighbours) {
      equal(await reaches(neighbour), true, `is reached beside them, at 0x${neighbour.toString(16)}`)
      open.dma.unmap(neighbour)
    }
  }
}

export const dma = suite('dma', [
  defineCase({
    name: 'round-trip',
    title: 'the device reads memory and writes it elsewhere, above 4 GiB where an IOMMU translates',
    needs: { access: 'any', deviceKind: 'edu', device: ['dma-write', 'dma-read', 'dma-64'] },
    covers: { ioctls: ['IOMMU_IOAS_MAP', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: SOURCES },
    run: (lab) => roundTrip(lab, openAnyDevice(lab, lab.device('edu'))),
  }),
  defineCase({
    name: 'round-trip-group',
    title: 'the same through the group and its container, of type1 or of iommufd',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], deviceKind: 'edu', device: ['dma-write', 'dma-read', 'dma-64'] },
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [TYPE1, COMPAT] },
    run: (lab) => roundTrip(lab, openThroughGroup(lab, lab.device('edu'))),
  }),
  defineCase({
    name: 'unmapped',
    title: 'the device reaches an address while it is mapped, neither before nor after, and its pages in the order of their IOVAs',
    needs: { access: 'any', iommu: 'present', device: REPORTER },
    covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: [...SOURCES, TYPE1] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => {
      const { open, write } = await openReporter(lab)
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      equal(await write(HIGH, memory), false, 'translated before it was mapped')
      open.dma.map(memory, { iova: HIGH })
      for (const page of [0, 1, 2, 3]) {
        equal(await write(HIGH + BigInt(page) * PAGE + 32n, memory, page * PAGE_SIZE + 32), true, `page ${page} translated while it is mapped`)
      }
      for (const [outside, where] of [[HIGH - 16n, 'before'], [HIGH + 4n * PAGE, 'behind']] as const) {
        equal(await write(outside, memory), false, `translated ${where} the mapping`)
      }
      equal(await write(HIGH & 0xffff_ffffn, memory), false, 'the low 32 bits of the address translated')
      open.dma.unmap(HIGH)
      equal(await write(HIGH, memory), false, 'translated after it was unmapped')
    },
  }),
  defineCase({
    name: 'unmapped-pages',
    title: 'no page of a range is reached any more when it was unmapped as a whole, though the device used each before; what is mapped beside it is',
    needs: { access: 'any', iommu: 'present', device: REPORTER },
    covers: { ioctls: ['IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_UNMAP_DMA'], sources: [...SOURCES, TYPE1, ...FLUSHERS] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => { await unmapsEveryPage(lab, openAnyDevice(lab, lab.device(REPORTER))) },
  }),
  defineCase({
    name: 'unmapped-pages-group',
    title: 'the same through the group and its container, of type1 or of iommufd',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], device: REPORTER },
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1, COMPAT, ...FLUSHERS] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => { await unmapsEveryPage(lab, openThroughGroup(lab, lab.device(REPORTER))) },
  }),
  defineCase({
    name: 'unmapped-over-a-gib',
    title: 'the same for two pages on both sides of a multiple of 1 GiB',
    needs: { access: 'any', iommu: 'present', device: REPORTER },
    covers: { ioctls: ['IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_UNMAP_DMA'], sources: [...SOURCES, TYPE1, ...FLUSHERS] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => { await unmapsEveryPage(lab, openAnyDevice(lab, lab.device(REPORTER)), OVER_A_GIB) },
  }),
  defineCase({
    name: 'unmapped-over-a-gib-group',
    title: 'the same through the group and its container, of type1 or of iommufd',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], device: REPORTER },
    covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1, COMPAT, ...FLUSHERS] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => { await unmapsEveryPage(lab, openThroughGroup(lab, lab.device(REPORTER)), OVER_A_GIB) },
  }),
  defineCase({
    name: 'across-mappings',
    title: 'a DMA may cross from one mapping into the next one',
    needs: { access: 'any', iommu: 'present', device: REPORTER },
    covers: { ioctls: ['IOMMU_IOAS_MAP', 'VFIO_IOMMU_MAP_DMA'], sources: [...SOURCES, TYPE1] },
    run: async (lab) => {
      const { open, writer } = await openReporter(lab)
      const [low, high] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
      open.dma.map(high, { iova: HIGH + PAGE })
      open.dma.map(low, { iova: HIGH })
      const report = await writer.dmaWrite(HIGH + PAGE - 8n, 16)
      equal(report.translated, true, 'translated across the two mappings')
      equalWritten(Uint8Array.from([...low.bytes.slice(-8), ...high.bytes.slice(0, 8)]), report, 'end of the first mapping and start of the second')
    },
  }),
  defineCase({
    name: 'read-only',
    title: 'memory that is mapped for reading only is safe from the device',
    needs: { access: 'any', iommu: 'present', device: REPORTER },
    covers: { ioctls: ['IOMMU_IOAS_MAP', 'VFIO_IOMMU_MAP_DMA'], sources: [...SOURCES, TYPE1] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => {
      const { open, write } = await openReporter(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = open.dma.map(memory, { writeable: false })
      equal(await write(address, memory), false, 'written although it is mapped for reading only')
      open.dma.unmap(address)
      equal(await write(open.dma.map(memory, { iova: address }), memory), true, 'written where it is mapped for both')
    },
  }),
  defineCase({
    name: 'read-only-group',
    title: 'the same through the group and its container, of type1 or of iommufd',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'], device: REPORTER },
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1, COMPAT] },
    provokes: IOMMU_FAULTS,
    run: async (lab) => {
      const open = openThroughGroup(lab, lab.device(REPORTER))
      const writer = await dmaWriter(lab, open)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      for (const writeable of [false, true]) {
        const address = open.dma.map(memory, { iova: HIGH, writeable })
        equal((await writer.dmaWrite(address, 16)).translated, writeable, `written where ${writeable ? 'reading and writing are' : 'only reading is'} allowed`)
        equal(memory.words[0] !== 0, writeable, 'memory changed')
        open.dma.unmap(address)
      }
      equal((await writer.dmaWrite(HIGH, 16)).translated, false, 'written after it was unmapped')
    },
  }),
  defineCase({
    name: 'bus-master',
    title: 'a device whose bus mastering is off does not reach memory, and does when it is on again',
    // Without an IOMMU its page lies wherever memory is.
    needs: { access: 'any', deviceKind: 'edu', device: ['dma-write', 'dma-read', 'dma-64'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: async (lab) => {
      const open = openAnyDevice(lab, lab.device('edu'))
      const edu = new Edu(lab, open)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = open.dma.map(memory)
      memory.bytes.fill(0xa5)
      await edu.transfer(address, BUFFER, 64, 0)
      memory.bytes.fill(0)
      disableBusMaster(open.device)
      await edu.transfer(BUFFER, address, 64, DMA_TO_MEMORY)
      equal(memory.bytes[0], 0, 'memory after a DMA with bus mastering off')
      enableBusMaster(open.device)
      await edu.transfer(BUFFER, address, 64, DMA_TO_MEMORY)
      equal(memory.bytes[0], 0xa5, 'memory after a DMA with bus mastering on again')
    },
  }),
])
