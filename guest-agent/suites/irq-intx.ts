import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { Edu } from '../devices/edu.ts'
import { PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_STATUS, PCI_STATUS_INTERRUPT } from '../pci/header.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Fd } from '../sys/fd.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, connectUnmask, disableIrqs, maskIrq, triggerIrq, unmaskIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const {
  VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_IRQ_SET_DATA_NONE: NONE, VFIO_IRQ_SET_DATA_BOOL: BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD, VFIO_IRQ_SET_ACTION_MASK: MASK, VFIO_IRQ_SET_ACTION_UNMASK: UNMASK, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER,
} = VFIO
const INTRS = 'drivers/vfio/pci/vfio_pci_intrs.c'
const NEEDS = { access: 'any', deviceKind: 'edu', device: ['intx'] } as const
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

const handlers = (): string => readText('/proc/interrupts') ?? ''

const openEdu = (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device('edu'))
  const edu = new Edu(lab, open)
  lab.defer(() => { edu.acknowledgeInterrupt() })
  const event = lab.use(new EventFd())
  const comes = async (what: string) => { equal(await event.wait(2000, lab.signal), 1, `events: ${what}`) }
  const silent = async (what: string) => { equal(await event.wait(SILENCE, lab.signal), 0, `events: ${what}`) }
  return { device: open.device, edu, event, comes, silent }
}

export const irqIntx = suite('irq-intx', [
  defineCase({
    name: 'automask',
    title: 'a level interrupt comes once and masks itself; unmasked, it comes again if it is still asserted, and only then',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, edu, event, comes, silent } = openEdu(lab)
      connectIrqs(device, INTX, [event])
      edu.raise(1)
      await comes('the device asserted its line')
      edu.raise(2)
      await silent('the interrupt has masked itself')
      unmaskIrq(device, INTX)
      await comes('unmasked while the line is asserted')
      edu.acknowledgeInterrupt()
      unmaskIrq(device, INTX)
      await silent('unmasked after the line was released')
      edu.raiseInterrupt()
      await comes('the line was asserted anew')
      ok(handlers().includes('vfio-intx('), '/proc/interrupts must name the handler of INTx')
      disableIrqs(device, INTX)
      ok(!handlers().includes('vfio-'), '/proc/interrupts names a handler although INTx was taken down')
      expectErrno('EINVAL', () => { unmaskIrq(device, INTX) })
      edu.acknowledgeInterrupt()
      edu.raiseInterrupt()
      await silent('the interrupt was taken down')
      edu.acknowledgeInterrupt()
      connectIrqs(device, INTX, [event])
      edu.raiseInterrupt()
      await comes('the interrupt was set up anew')
    },
  }),
  defineCase({
    name: 'mask',
    title: 'a masked interrupt waits until it is unmasked; a BOOL of 0 neither masks nor unmasks',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, edu, event, comes, silent } = openEdu(lab)
      const bool = (action: number, value: number) => { device.setIrqs({ flags: BOOL | action, index: INTX, count: 1 }, Uint8Array.of(value)) }
      connectIrqs(device, INTX, [event])
      maskIrq(device, INTX)
      edu.raiseInterrupt()
      await silent('masked')
      bool(UNMASK, 0)
      await silent('a BOOL of 0 does not unmask')
      bool(UNMASK, 1)
      await comes('a BOOL of 1 unmasks')
      edu.acknowledgeInterrupt()
      unmaskIrq(device, INTX)
      bool(MASK, 0)
      edu.raiseInterrupt()
      await comes('a BOOL of 0 does not mask')
      edu.acknowledgeInterrupt()
      unmaskIrq(device, INTX)
      bool(MASK, 1)
      edu.raiseInterrupt()
      await silent('a BOOL of 1 masks')
    },
  }),
  defineCase({
    name: 'unmask-eventfd',
    title: 'an eventfd unmasks the interrupt each time it is written to, until it is taken away; there is room for one',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS, 'drivers/vfio/virqfd.c'] },
    run: async (lab) => {
      const { device, edu, event, comes, silent } = openEdu(lab)
      const unmask = lab.use(new EventFd())
      expectErrno('EINVAL', () => { connectUnmask(device, INTX, unmask) })
      connectIrqs(device, INTX, [event])
      connectUnmask(device, INTX, unmask)
      expectErrno('EBUSY', () => { connectUnmask(device, INTX, lab.use(new EventFd())) })
      edu.raiseInterrupt()
      await comes('the device asserted its line')
      unmask.write()
      await comes('unmasked by the eventfd while the line is asserted')
      edu.acknowledgeInterrupt()
      unmask.write()
      await silent('unmasked by the eventfd after the line was released')
      edu.raiseInterrupt()
      await comes('the line was asserted anew')
      device.setIrqs({ flags: EVENTFD | UNMASK, index: INTX, count: 1 }, int32s([-1]))
      unmask.write()
      await silent('the eventfd was taken away')
      connectUnmask(device, INTX, unmask)
      await comes('an eventfd that is pending already unmasks when it is connected')
    },
  }),
  defineCase({
    name: 'intx-disable',
    title: 'INTx disable in config space holds the interrupt back, status tells that it is pending, and it comes when it is enabled',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS, 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: async (lab) => {
      const { device, edu, event, comes, silent } = openEdu(lab)
      const command = device.read(CONFIG, PCI_COMMAND, 2)
      const setDisable = (bit: number) => { device.write(CONFIG, PCI_COMMAND, 2, command | bit) }
      const pending = () => (device.read(CONFIG, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT) !== 0
      setDisable(PCI_COMMAND_INTX_DISABLE)
      connectIrqs(device, INTX, [event])
      equal(pending(), false, 'interrupt pending at first')
      edu.raiseInterrupt()
      await silent('INTx is disabled')
      equal(pending(), true, 'interrupt pending while INTx is disabled')
      unmaskIrq(device, INTX)
      await silent('unmasked while INTx is disabled')
      setDisable(0)
      await comes('INTx is enabled')
      edu.acknowledgeInterrupt()
      equal(pending(), false, 'interrupt pending after it was acknowledged')
    },
  }),
  defineCase({
    name: 'reconnect',
    title: 'another eventfd takes the place of the first; without one an interrupt is kept back until it is unmasked',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, edu, event, comes, silent } = openEdu(lab)
      const first = lab.use(new EventFd())
      connectIrqs(device, INTX, [first])
      connectIrqs(device, INTX, [event])
      edu.raiseInterrupt()
      await comes('at the second eventfd')
      equal(first.read(), 0, 'events at the first eventfd')
      edu.acknowledgeInterrupt()
      unmaskIrq(device, INTX)
      connectIrqs(device, INTX, [undefined])
      edu.raiseInterrupt()
      await silent('there is no eventfd')
      connectIrqs(device, INTX, [event])
      unmaskIrq(device, INTX)
      await comes('unmasked with an eventfd again')
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'a range, descriptor or action that does not fit is refused; the eventfd can be raised from user space once it is there',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS, 'drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      const { device, event } = openEdu(lab)
      const set = (flags: number, count: number, start = 0, data?: Uint8Array) => { device.setIrqs({ flags, index: INTX, start, count }, data) }
      for (const action of [maskIrq, unmaskIrq, triggerIrq, disableIrqs]) expectErrno('EINVAL', () => { action(device, INTX) })
      expectErrno('EBADF', () => { set(EVENTFD | TRIGGER, 1, 0, int32s([1 << 20])) })
      expectErrno('EINVAL', () => { set(EVENTFD | TRIGGER, 1, 0, int32s([lab.use(Fd.open('/dev/null')).number])) })
      expectErrno('EINVAL', () => { set(EVENTFD | TRIGGER, 2, 0, int32s([event.fd.number, event.fd.number])) })
      expectErrno('EINVAL', () => { set(EVENTFD | TRIGGER, 1, 1, int32s([event.fd.number])) })
      connectIrqs(device, INTX, [event])
      expectErrno('ENOTTY', () => { set(EVENTFD | MASK, 1, 0, int32s([event.fd.number])) })
      expectErrno('EBADF', () => { set(EVENTFD | UNMASK, 1, 0, int32s([1 << 20])) })
      expectErrno('EINVAL', () => { set(NONE | MASK, 0) })
      expectErrno('ENOTTY', () => { set(NONE | MASK | UNMASK, 1) })
      equal(event.read(), 0, 'events of refused requests')
      triggerIrq(device, INTX)
      equal(event.read(), 1, 'events by NONE')
      set(BOOL | TRIGGER, 1, 0, Uint8Array.of(0))
      equal(event.read(), 0, 'events by BOOL 0')
      set(BOOL | TRIGGER, 1, 0, Uint8Array.of(1))
      equal(event.read(), 1, 'events by BOOL 1')
    },
  }),
])
