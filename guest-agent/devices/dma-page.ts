import type { CaseContext } from '../case/case-context.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import type { OpenDevice } from '../vfio/open-device.ts'

/** A page that the device reaches, for what a driver shares with it: a queue, a ring, a buffer. */
export interface DmaPage {
  readonly memory: Memory
  /** As the device must say it. */
  readonly address: bigint
}

/** Holds zeroes; it is unmapped when the case ends. */
export const dmaPage = (lab: CaseContext, { dma }: OpenDevice): DmaPage => {
  const memory = lab.use(Memory.pages(PAGE_SIZE))
  const address = dma.map(memory)
  lab.defer(() => { dma.unmap(address) })
  return { memory, address }
}
