import fs from 'node:fs'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, maskIrq, triggerIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const { VFIO_PCI_REQ_IRQ_INDEX: REQ, VFIO_IRQ_SET_DATA_BOOL: BOOL, VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER } = VFIO
const INTRS = 'drivers/vfio/pci/vfio_pci_intrs.c'

export const irqRequest = suite('irq-request', [
  defineCase({
    name: 'loopback',
    title: 'the request interrupt takes one eventfd, which can be raised from user space, replaced and taken away',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
      const [first, second] = [lab.use(new EventFd()), lab.use(new EventFd())]
      expectErrno('EINVAL', () => { triggerIrq(device, REQ) })
      expectErrno('EINVAL', () => { disableIrqs(device, REQ) })
      connectIrqs(device, REQ, [first])
      triggerIrq(device, REQ)
      equal(first.read(), 1, 'events at the first eventfd')
      connectIrqs(device, REQ, [second])
      device.setIrqs({ flags: BOOL | TRIGGER, index: REQ, count: 1 }, Uint8Array.of(1))
      equal([first.read(), second.read()], [0, 1], 'events at both after the second took its place')
      expectErrno('EINVAL', () => { connectIrqs(device, REQ, [first, second]) })
      expectErrno('EBADF', () => { device.setIrqs({ flags: EVENTFD | TRIGGER, index: REQ, count: 1 }, int32s([1 << 20])) })
      expectErrno('EINVAL', () => { device.setIrqs({ flags: EVENTFD | TRIGGER, index: REQ, count: 1 }, int32s([-2])) })
      expectErrno('ENOTTY', () => { maskIrq(device, REQ) })
      triggerIrq(device, REQ)
      equal(second.read(), 1, 'events at the second after the refusals')
      connectIrqs(device, REQ, [undefined])
      expectErrno('EINVAL', () => { triggerIrq(device, REQ) })
    },
  }),
  defineCase({
    name: 'unbind',
    title: 'unbinding a device that is open asks its user for it and waits; nobody can open it any more, and it goes when it is closed',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/pci/vfio_pci_core.c', INTRS] },
    run: async (lab) => {
      const pci = lab.device()
      const node = pci.cdevNode
      const { device } = openAnyDevice(lab, pci)
      const request = lab.use(new EventFd())
      connectIrqs(device, REQ, [request])
      let gone = false
      const unbound = pci.unbind().then(() => { gone = true })
      // Binding it again waits for the end of the unbind, and that for the device.
      lab.defer(async () => {
        device.close()
        await unbound
        pci.bind()
      })
      ok(await request.wait(5000, lab.signal) > 0, 'the request interrupt must come')
      equal(gone, false, 'unbound while the device is open')
      if (node !== undefined) equal(fs.existsSync(node), false, `${node} exists while the device goes`)
      equal(device.info().irqs, VFIO.VFIO_PCI_NUM_IRQS, 'interrupts of the device that goes')
      device.close()
      await unbound
      equal(pci.driver, undefined, 'driver after the device was closed')
      pci.bind()
      openAnyDevice(lab, pci).device.info()
    },
  }),
])
