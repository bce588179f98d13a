import type { CaseContext } from '../case/case-context.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { interruptsOf } from '../pci/header.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs } from './interrupts.ts'
import type { OpenDevice } from './open-device.ts'
import type { VfioDevice } from './vfio-device.ts'

const {
  VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE, VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_INTX_IRQ_INDEX: INTX,
  VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_PCI_REQ_IRQ_INDEX: REQ,
} = VFIO
const LEVEL = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
const FIXED = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE

/** Each interrupt index tells what config space tells: how many there are and how they behave. One without any takes nothing. */
export const tellsInterrupts = (lab: CaseContext, { device, pci }: OpenDevice): void => {
  const { intx, msi, msix } = interruptsOf(pci.configByte)
  // Vectors of MSI-X can be added later where the platform can; the kernel tells by the missing flag.
  const vectorFlags = msix > 0 && device.irqInfo(MSIX).flags === VFIO_IRQ_INFO_EVENTFD ? VFIO_IRQ_INFO_EVENTFD : FIXED
  for (const [index, count, flags] of [[INTX, intx, LEVEL], [MSI, msi, FIXED], [MSIX, msix, vectorFlags], [REQ, 1, FIXED]] as const) {
    equal(device.irqInfo(index), { index, flags, count }, `interrupt index ${index} of ${pci.toString()}`)
    if (count === 0) hasNoInterrupt(lab, device, index)
  }
}

/** There is none of this index: VFIO counts none, and none can be connected or taken down. */
export const hasNoInterrupt = (lab: CaseContext, device: VfioDevice, index: number): void => {
  equal(device.irqInfo(index).count, 0, `interrupts of index ${index}`)
  expectErrno('EINVAL', () => { connectIrqs(device, index, [lab.use(new EventFd())]) })
  expectErrno('EINVAL', () => { disableIrqs(device, index) })
}
