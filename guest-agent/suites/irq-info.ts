import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { plainDevices } from '../case/kinds.ts'
import { Errno } from '../sys/errno.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, triggerIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { tellsInterrupts } from '../vfio/told-interrupts.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const { VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_ERR_IRQ_INDEX: ERR, VFIO_PCI_NUM_IRQS } = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const FIXED = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE

export const irqInfo = suite('irq-info', [
  defineCase({
    name: 'counts',
    title: 'each interrupt index tells how many the device has and how they behave; every device has the request',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_IRQ_INFO'], sources: [CORE] },
    run: (lab) => lab.forEachDevice((pci, inner) => { tellsInterrupts(inner, openAnyDevice(inner, pci)) }, plainDevices(lab)),
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
      equal(device.irqInfo(ERR), { index: ERR, flags: FIXED, count: 1 }, 'error interrupt')
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
