import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import type { OpenDevice } from '../vfio/open-device.ts'
import { Edu } from './edu.ts'
import { IommuTestdev } from './iommu-testdev.ts'
import { PcieAtsTestdev } from './pcie-ats-testdev.ts'
import type { DmaReader, DmaWriter, Interrupter } from './test-device.ts'

/** The driver of an open device that can write to memory. */
export const dmaWriter = (lab: CaseContext, open: OpenDevice): DmaWriter => {
  switch (open.pci.kind) {
    case 'edu': return new Edu(lab, open)
    case 'iommu-testdev': return new IommuTestdev(open)
    case 'pcie-ats-testdev': return new PcieAtsTestdev(lab, open)
    case 'pci-testdev': return unable(open, 'dma-write')
  }
}

/** The driver of an open device that can read from memory. */
export const dmaReader = (lab: CaseContext, open: OpenDevice): DmaReader => {
  switch (open.pci.kind) {
    case 'edu': return new Edu(lab, open)
    case 'pcie-ats-testdev': return new PcieAtsTestdev(lab, open)
    case 'iommu-testdev':
    case 'pci-testdev': return unable(open, 'dma-read')
  }
}

/** The driver of an open device that can raise interrupts. */
export const interrupter = (lab: CaseContext, open: OpenDevice): Interrupter =>
  open.pci.kind === 'edu' ? new Edu(lab, open) : unable(open, 'an interrupt')

const unable = (open: OpenDevice, what: string): never => {
  throw new Failed(`${open.pci.toString()} is not able to do ${what}: the case asked for the wrong device`)
}
