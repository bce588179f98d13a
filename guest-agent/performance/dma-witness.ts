import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { dmaPage } from '../devices/dma-page.ts'
import { dmaWriter } from '../devices/drive.ts'
import { SHORTEST_DMA } from '../devices/test-device.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import type { OpenDevice } from '../vfio/open-device.ts'

const ABLE = ['dma-write', 'dma-64'] as const

/** A device that can write to memory at any address; where the machine has none, another one. */
export const witnessDevice = (lab: CaseContext): PciDevice => lab.devices(ABLE)[0] ?? lab.device()

/** What the device writes to an address, if it can. All that its driver maps for itself is mapped by then. */
export const dmaWitness = async (lab: CaseContext, open: OpenDevice): Promise<((address: bigint) => Promise<Uint8Array>) | undefined> => {
  if (!lab.devices(ABLE).includes(open.pci)) {
    lab.note('no device of this machine can write to memory: nothing tells whether the mappings are reached')
    return undefined
  }
  const { dmaWrite } = await dmaWriter(lab, open)
  const write = async (address: bigint) => {
    const { expected } = await dmaWrite(address, SHORTEST_DMA)
    if (expected === undefined) throw new Failed(`nobody can foretell what ${open.pci.toString()} writes`)
    return expected
  }
  await write(dmaPage(lab, open).address)
  return write
}
