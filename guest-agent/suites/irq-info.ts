import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { Errno } from '../sys/errno.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, triggerIrq } from '../vfio/interrupts.ts'
import { interruptsOf } from '../pci/header.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const {
  VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE, VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_INTX_IRQ_INDEX: INTX,
  VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_PCI_ERR_IRQ_INDEX: ERR, VFIO_PCI_REQ_IRQ_INDEX: REQ, VFIO_PCI_NUM_IRQS,
} = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const LEVEL = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED
const FIXED = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE

const tells = (device: VfioDevice, counts: readonly (readonly [number, number, number])[], name: string): void => {
  for (const [index, count, flags] of counts) equal(device.irqInfo(index), { index, flags, count }, `interrupt index ${index} of ${name}`)
}

/** Vectors of MSI-X can be added later where the platform can; the kernel tells by the missing flag. */
const vectorFlags = (device: VfioDevice, vectors: number): number =>
  (vectors > 0 && device.irqInfo(MSIX).flags === VFIO_IRQ_INFO_EVENTFD ? VFIO_IRQ_INFO_EVENTFD : FIXED)

export const irqInfo = suite('irq-info', [
  defineCase({
    name: 'counts',
    title: 'each interrupt index tells how many the device has and how they behave; every device has the request',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_IRQ_INFO'], sources: [CORE] },
    run: (lab) => lab.forEachDevice((pci, inner) => {
      const { intx, msi, msix } = interruptsOf(pci.configByte)
      const { device } = openAnyDevice(inner, pci)
      tells(device, [[INTX, intx, LEVEL], [MSI, msi, FIXED], [MSIX, msix, vectorFlags(device, msix)], [REQ, 1, FIXED]], pci.toString())
    }),
  }),
  defineCase({
    name: 'refusals',
    title: 'an index that there is not and a short argsz are EINVAL',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_IRQ_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
      for (const index of [VFIO_PCI_NUM_IRQS, 64, 0xffff_ffff]) expectErrno('EINVAL', () => device.irqInfo(index))
      for (const argsz of [0, 8, 15]) expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_GET_IRQ_INFO', vfioStructs.irqInfo.make({ argsz })))
      expectErrno('EFAULT', () => device.ioctl('VFIO_DEVICE_GET_IRQ_INFO'))
    },
  }),
  defineCase({
    name: 'error',
    title: 'where the error interrupt is told of it can be connected, raised and taken down; where it is not it cannot (EINVAL)',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_IRQ_INFO', 'VFIO_DEVICE_SET_IRQS'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
      const event = lab.use(new EventFd())
      // Kernels differ in whether a conventional device has it; they must not contradict themselves.
      const told = isTold(device, ERR)
      lab.measure('errorInterrupts', Number(told))
      if (!told) {
        expectErrno('EINVAL', () => { connectIrqs(device, ERR, [event]) })
        return
      }
      tells(device, [[ERR, 1, FIXED]], 'the device')
      expectErrno('EINVAL', () => { triggerIrq(device, ERR) })
      connectIrqs(device, ERR, [event])
      triggerIrq(device, ERR)
      equal(event.read(), 1, 'events of the error interrupt')
      disableIrqs(device, ERR)
      expectErrno('EINVAL', () => { triggerIrq(device, ERR) })
    },
  }),
])

const isTold = (device: VfioDevice, index: number): boolean => {
  try {
    return device.irqInfo(index).count > 0
  } catch (error) {
    if (error instanceof Errno && error.code === 'EINVAL') return false
    throw error
  }
}
