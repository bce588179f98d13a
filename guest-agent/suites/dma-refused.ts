import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, ok } from '../case/expect.ts'
import { disableBusMaster, enableBusMaster } from '../devices/bus-master.ts'
import { VfioUserDma } from '../devices/vfio-user-dma.ts'
import { COMMAND_READ, COMMAND_WRITE, pattern, REGISTER } from '../devices/vfio-user-dma-registers.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

/** Seen from the device: a DMA that was refused was refused to the device, which is more than memory that did not change. */
const NEEDS = { access: 'any', iommu: 'present', deviceKind: 'vfio-user-dma', device: ['dma-write', 'dma-read', 'dma-64'] } as const
const SOURCES = ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c', 'drivers/vfio/vfio_iommu_type1.c']
const IOCTLS = ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA']
const FAULT = ['DMAR: .*fault', 'virtio_iommu .*fault', 'AMD-Vi: .*IO_PAGE_FAULT']
const IOVA = 0x12_3456_7000n
const PAGE = BigInt(PAGE_SIZE)
const SEED = 0x1357_9bdf
const MIB = 1024 * 1024

const openDma = (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device('vfio-user-dma'))
  const dma = new VfioUserDma(lab, open)
  dma.setRegister(REGISTER.SEED, SEED)
  const write = async (address: bigint, length = 64) => (await dma.transfer(COMMAND_WRITE, address, length)).outcome
  const read = async (address: bigint, length = 64) => (await dma.transfer(COMMAND_READ, address, length)).outcome
  return { device: open.device, space: open.dma, dma, write, read }
}

export const dmaRefused = suite('dma-refused', [
  defineCase({
    name: 'unmapped',
    title: 'the device is told that its DMA was refused, reading and writing, where nothing is mapped: before, beside and after a mapping',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { dma, space, write, read } = openDma(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const before = dma.register(REGISTER.REFUSED)
      equal([await write(IOVA), await read(IOVA)], ['refused', 'refused'], 'before it was mapped')
      space.map(memory, { iova: IOVA })
      equal([await write(IOVA), await read(IOVA)], ['done', 'done'], 'while it is mapped')
      equal([await write(IOVA - 64n), await read(IOVA + PAGE)], ['refused', 'refused'], 'beside the mapping')
      space.unmap(IOVA)
      memory.bytes.fill(0)
      equal([await write(IOVA), await read(IOVA)], ['refused', 'refused'], 'after it was unmapped')
      ok(memory.bytes.every((byte) => byte === 0), 'memory that is no longer mapped was written to')
      equal(dma.register(REGISTER.REFUSED) - before, 6, 'DMAs that the device counts as refused')
    },
  }),
  defineCase({
    name: 'read-only',
    title: 'the device may read memory that is mapped for reading, and is told so when it wants to write there',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { dma, space, write } = openDma(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      memory.words.set(memory.words.map((_, index) => index * 0x0101_0101))
      const held = memory.bytes.slice()
      const address = space.map(memory, { iova: IOVA, writeable: false })
      equal(await write(address), 'refused', 'a write')
      equalBytes(memory.bytes, held, 'memory after the refused write')
      equalBytes(await dma.dmaRead(address + 128n, 256) ?? new Uint8Array(), held.slice(128, 384), 'what the device read')
    },
  }),
  defineCase({
    name: 'bus-master',
    title: 'a device whose bus mastering is off is refused, whatever is mapped, and served when it is on again',
    needs: { access: 'any', deviceKind: 'vfio-user-dma', device: ['dma-write', 'dma-read'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: async (lab) => {
      const { device, space, write, read } = openDma(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = space.map(memory)
      disableBusMaster(device)
      equal([await write(address), await read(address)], ['refused', 'refused'], 'with bus mastering off')
      ok(memory.bytes.every((byte) => byte === 0), 'memory was written to with bus mastering off')
      enableBusMaster(device)
      equal([await write(address), await read(address)], ['done', 'done'], 'with bus mastering on again')
      equalBytes(memory.bytes.slice(0, 64), pattern(SEED, 64), 'memory')
    },
  }),
  defineCase({
    name: 'hole',
    title: 'a DMA over a page that is not mapped is refused, and what is behind the hole in memory stays as it was',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { space, write, read } = openDma(lab)
      const [first, hole, last] = [lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
      space.map(first, { iova: IOVA })
      space.map(hole, { iova: IOVA + PAGE })
      space.map(last, { iova: IOVA + 2n * PAGE })
      equal(await write(IOVA, 3 * PAGE_SIZE), 'done', 'a write of three pages')
      for (const memory of [first, hole, last]) memory.bytes.fill(0)
      space.unmap(IOVA + PAGE)
      equal([await write(IOVA, 3 * PAGE_SIZE), await read(IOVA, 3 * PAGE_SIZE)], ['refused', 'refused'], 'the same with a hole')
      ok(hole.bytes.every((byte) => byte === 0), 'the page that is not mapped was written to')
    },
  }),
  defineCase({
    name: 'largest',
    title: 'one DMA of a mebibyte reaches its 256 pages in their order, and fails when the last one is missing',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    provokes: FAULT,
    run: async (lab) => {
      const { dma, space, write } = openDma(lab)
      const length = Math.min(dma.register(REGISTER.LIMIT), MIB)
      const memory = lab.use(Memory.pages(length))
      space.map(memory, { iova: IOVA })
      equal(await write(IOVA, length), 'done', `a write of ${length} bytes`)
      ok(Buffer.from(memory.buffer).equals(pattern(SEED, length)), 'memory does not hold what the device wrote')
      equal(await write(IOVA + 8n, length), 'refused', 'the same 8 bytes further')
    },
  }),
])
