import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, ok } from '../case/expect.ts'
import { capabilitiesOf, has, kindsWith } from '../case/kinds.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { drive, offered } from '../devices/drive.ts'
import type { DmaReader, DmaWriter } from '../devices/test-device.ts'
import type { DeviceCapability } from '../protocol.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { openAnyDevice, type OpenDevice } from '../vfio/open-device.ts'

const EXERCISED = ['dma-write', 'dma-read', 'dma-64', 'fault-report'] as const satisfies readonly DeviceCapability[]
const SOURCES = ['drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c', 'drivers/vfio/vfio_iommu_type1.c']
/** Not reachable with 32 bits. */
const HIGH = 0x12_3456_7000n
const LOW = 0x1234_5000n
const LENGTH = 512
const OFFSET = 256

/** What the device writes lies where it was told to, and nowhere else; unmapped, its page is out of reach. */
const writes = async (lab: CaseContext, open: OpenDevice, { dmaWrite }: DmaWriter): Promise<void> => {
  const memory = lab.use(Memory.pages(PAGE_SIZE))
  const iova = has(open.pci.kind, 'dma-64') ? HIGH : LOW
  const address = open.dma.map(memory, { iova })
  const report = await dmaWrite(address + BigInt(OFFSET), LENGTH)
  equalWritten(memory.bytes.slice(OFFSET, OFFSET + LENGTH), report, 'memory that the device wrote to')
  ok(memory.bytes.slice(0, OFFSET).every((byte) => byte === 0), 'nothing may be written before it')
  ok(memory.bytes.slice(OFFSET + LENGTH).every((byte) => byte === 0), 'nothing may be written behind it')
  open.dma.unmap(address)
  if (!open.dma.translated) return
  memory.bytes.fill(0)
  const { translated } = await dmaWrite(iova, LENGTH)
  equalBytes(memory.bytes.slice(), new Uint8Array(PAGE_SIZE), 'memory after a write to where it was mapped before')
  if (has(open.pci.kind, 'fault-report')) equal(translated, false, 'what the device tells of that write: translated')
}

/** The device reads what is in memory; once that is unmapped it reads no more of it. */
const reads = async (lab: CaseContext, open: OpenDevice, { dmaRead }: DmaReader): Promise<void> => {
  const memory = lab.use(Memory.pages(PAGE_SIZE))
  memory.words.set(memory.words.map((_, index) => 0x9e37_79b1 * (index + 1)))
  const iova = has(open.pci.kind, 'dma-64') ? HIGH : LOW
  const address = open.dma.map(memory, { iova })
  const there = memory.bytes.slice(OFFSET, OFFSET + LENGTH)
  equalBytes(await dmaRead(address + BigInt(OFFSET), LENGTH) ?? new Uint8Array(), there, 'what the device read')
  open.dma.unmap(address)
  if (!open.dma.translated) return
  const later = await dmaRead(iova + BigInt(OFFSET), LENGTH)
  ok(later === undefined || later.some((byte, at) => byte !== there[at]), 'the device still reads memory that was unmapped')
}

export const deviceDma = suite('device-dma', kindsWith(['dma-write', 'dma-read'], ['edu']).map((kind) => defineCase({
  name: kind,
  title: `${kind} reaches memory while it is mapped, above 4 GiB where an IOMMU translates: the bytes it was told to and no others`,
  needs: { access: 'any', deviceKind: kind, device: capabilitiesOf(kind, EXERCISED) },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: SOURCES },
  provokes: IOMMU_FAULTS,
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const { dmaWrite, dmaRead } = await drive(lab, open)
    if (has(kind, 'dma-write')) await writes(lab, open, { dmaWrite: offered(open, 'dma-write', dmaWrite) })
    if (has(kind, 'dma-read')) await reads(lab, open, { dmaRead: offered(open, 'dma-read', dmaRead) })
  },
})))
