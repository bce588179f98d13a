import type { CaseContext } from '../case/case-context.ts'
import { equalBytes, ok } from '../case/expect.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { PcieAtsTestdev } from './pcie-ats-testdev.ts'

/** A way to open a device: through its cdev, through its group. */
export type OpenThrough<Open extends OpenDevice> = (lab: CaseContext, pci: PciDevice) => Open

export interface AtsTarget {
  readonly testdev: PcieAtsTestdev
  /** What its buffer holds, a page. */
  readonly pattern: Uint8Array
  /** Does a DMA write to this IOVA arrive in this memory, at this byte of it? The memory is zero before. */
  readonly arrives: (iova: bigint, memory: Memory, at?: number) => Promise<boolean>
  /** The index of the memory that a DMA write to this IOVA arrives in; -1: in none. They are zero before. */
  readonly arrivesIn: (iova: bigint, memories: readonly Memory[]) => Promise<number>
}

/** Lies in every address space that is made here. */
const PATTERN_IOVA = 0x5000_0000n

/** Opens the device that keeps translations and loads its buffer with a pattern. ATS must be on. */
export const openAtsTarget = async <Open extends OpenDevice>(lab: CaseContext, openThrough: OpenThrough<Open>): Promise<Open & AtsTarget> => {
  const open = openThrough(lab, lab.device(['ats']))
  const testdev = new PcieAtsTestdev(lab, open)
  ok(testdev.usesAts !== false, 'the kernel did not turn ATS on (Enable of the ATS capability)')
  const pattern = lab.use(Memory.pages(PAGE_SIZE))
  pattern.words.set(pattern.words.map((_, index) => 0x9e37_79b1 * (index + 1)))
  open.dma.map(pattern, { iova: PATTERN_IOVA })
  ok(await testdev.fromMemory(PATTERN_IOVA) !== false, 'the device could not read a page that was just mapped')
  const expected = pattern.bytes.slice()

  const arrivesIn = async (iova: bigint, memories: readonly Memory[], at = 0): Promise<number> => {
    for (const memory of memories) memory.bytes.fill(0)
    const translated = await testdev.toMemory(iova)
    const index = memories.findIndex((memory) => memory.bytes.subarray(at, at + PAGE_SIZE).some((byte) => byte !== 0))
    const memory = memories[index]
    if (memory !== undefined) equalBytes(memory.bytes.slice(at, at + PAGE_SIZE), expected, 'the page that the device wrote')
    if (translated === true) ok(index !== -1, 'the device says that it wrote, and nothing arrived')
    if (translated === false) ok(index === -1, 'the device says that it was refused, and what it wrote arrived')
    return index
  }
  return { ...open, testdev, pattern: expected, arrivesIn, arrives: async (iova, memory, at) => await arrivesIn(iova, [memory], at) === 0 }
}
