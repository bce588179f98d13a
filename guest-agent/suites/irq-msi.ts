import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { interrupter } from '../devices/drive.ts'
import type { DeviceKind } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Fd } from '../sys/fd.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, maskIrq, triggerIrq, unmaskIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const {
  VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_IRQ_SET_DATA_NONE: NONE,
  VFIO_IRQ_SET_DATA_BOOL: BOOL, VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER, VFIO_IRQ_SET_ACTION_MASK: MASK,
} = VFIO
const INTRS = 'drivers/vfio/pci/vfio_pci_intrs.c'
const NEEDS = { access: 'any', device: ['msi', 'intx'] } as const
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

const handlers = (): string => readText('/proc/interrupts') ?? ''

/** May raise an interrupt once more before it is acknowledged: how often one came is told by any other device. */
const REPEATS: DeviceKind = 'e1000e'

const openRaiser = async (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.devices(NEEDS.device).find(({ kind }) => kind !== REPEATS) ?? lab.device(NEEDS.device))
  const raiser = await interrupter(lab, open)
  lab.defer(() => raiser.acknowledgeInterrupt())
  return { device: open.device, raiser }
}

export const irqMsi = suite('irq-msi', [
  defineCase({
    name: 'deliver',
    title: 'each MSI of the device raises the eventfd once; none after the interrupt was taken down, and again when it is set up anew',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, raiser } = await openRaiser(lab)
      const event = lab.use(new EventFd())
      for (const round of [1, 2]) {
        connectIrqs(device, MSI, [event])
        ok(handlers().includes('vfio-msi[0]'), '/proc/interrupts must name the handler of the MSI')
        for (const raise of [1, 2, 3]) {
          await raiser.raiseInterrupt()
          equal(await event.wait(2000, lab.signal), 1, `events of MSI ${raise} in round ${round}`)
          await raiser.acknowledgeInterrupt()
        }
        disableIrqs(device, MSI)
        ok(!handlers().includes('vfio-'), '/proc/interrupts names a handler although MSI was taken down')
        await raiser.raiseInterrupt()
        equal(await event.wait(SILENCE, lab.signal), 0, `events after MSI was taken down in round ${round}`)
        await raiser.acknowledgeInterrupt()
      }
    },
  }),
  defineCase({
    name: 'reconnect',
    title: 'another eventfd takes the place of the first at once; -1 leaves MSI on without one',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, raiser } = await openRaiser(lab)
      const [first, second] = [lab.use(new EventFd()), lab.use(new EventFd())]
      connectIrqs(device, MSI, [first])
      connectIrqs(device, MSI, [second])
      await raiser.raiseInterrupt()
      equal(await second.wait(2000, lab.signal), 1, 'events at the second eventfd')
      equal(first.read(), 0, 'events at the first eventfd')
      await raiser.acknowledgeInterrupt()
      // The vector without an eventfd has no message address: the device must not use it now.
      connectIrqs(device, MSI, [undefined])
      triggerIrq(device, MSI)
      equal(second.read(), 0, 'events after the eventfd was taken away')
      expectErrno('EINVAL', () => { connectIrqs(device, INTX, [first]) })
      connectIrqs(device, MSI, [first])
      await raiser.raiseInterrupt()
      equal(await first.wait(2000, lab.signal), 1, 'events at the first eventfd, connected again')
    },
  }),
  defineCase({
    name: 'loopback',
    title: 'the eventfd can be raised from user space, by NONE always and by BOOL where the byte says so',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device } = await openRaiser(lab)
      const event = lab.use(new EventFd())
      const bool = (value: number) => { device.setIrqs({ flags: BOOL | TRIGGER, index: MSI, count: 1 }, Uint8Array.of(value)) }
      expectErrno('EINVAL', () => { triggerIrq(device, MSI) })
      expectErrno('EINVAL', () => { bool(1) })
      connectIrqs(device, MSI, [event])
      triggerIrq(device, MSI)
      equal(event.read(), 1, 'events by NONE')
      bool(0)
      equal(event.read(), 0, 'events by BOOL 0')
      bool(1)
      equal(event.read(), 1, 'events by BOOL 1')
    },
  }),
  defineCase({
    name: 'exclusive',
    title: 'MSI and INTx exclude each other (EINVAL) until the one that is on is taken down',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
    run: async (lab) => {
      const { device, raiser } = await openRaiser(lab)
      const event = lab.use(new EventFd())
      for (const [on, off] of [[MSI, INTX], [INTX, MSI]] as const) {
        connectIrqs(device, on, [event])
        expectErrno('EINVAL', () => { connectIrqs(device, off, [event]) })
        expectErrno('EINVAL', () => { triggerIrq(device, off) })
        expectErrno('EINVAL', () => { disableIrqs(device, off) })
        await raiser.raiseInterrupt()
        equal(await event.wait(2000, lab.signal), 1, `events of index ${on} after index ${off} was refused`)
        await raiser.acknowledgeInterrupt()
        disableIrqs(device, on)
      }
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'a wrong length, flag, index, range or descriptor is refused, what MSI cannot do is ENOTTY, and the interrupt stays off',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS, 'drivers/vfio/vfio_main.c'] },
    run: async (lab) => {
      const { device } = await openRaiser(lab)
      const event = lab.use(new EventFd())
      const { count: vectors } = device.irqInfo(MSI)
      const data = int32s(Array.from({ length: vectors + 1 }, () => event.fd.number))
      const good = { flags: EVENTFD | TRIGGER, index: MSI, start: 0, count: 1 }
      const refused = (code: string, change: { readonly [K in keyof typeof good | 'argsz']?: number }, tail = data) =>
        expectErrno(code, () => device.ioctl('VFIO_DEVICE_SET_IRQS', vfioStructs.irqSet.make({ ...good, ...change }, { tail })))
      for (const argsz of [0, 19, 20, 23]) refused('EINVAL', { argsz })
      for (const index of [VFIO.VFIO_PCI_NUM_IRQS, 0xffff_ffff, ...(device.irqInfo(MSIX).count === 0 ? [MSIX] : [])]) refused('EINVAL', { index })
      for (const flags of [0, TRIGGER, EVENTFD | NONE | TRIGGER, EVENTFD | BOOL | TRIGGER, EVENTFD | TRIGGER | 0x40]) refused('EINVAL', { flags })
      for (const flags of [EVENTFD, EVENTFD | MASK | TRIGGER]) refused('ENOTTY', { flags })
      for (const range of [{ start: vectors }, { count: vectors + 1 }, { start: 0xffff_ffff }, { count: 0xffff_ffff }, { start: 1, count: 0xffff_fffe }]) refused('EINVAL', range)
      // Eventfds for no vector at all.
      refused('ERANGE', { count: 0 })
      expectErrno('EINVAL', () => { disableIrqs(device, MSI) })
      for (const act of [maskIrq, unmaskIrq]) expectErrno('ENOTTY', () => { act(device, MSI) })
      refused('EBADF', {}, int32s([1 << 20]))
      refused('EINVAL', {}, int32s([lab.use(Fd.open('/dev/null')).number]))
      connectIrqs(device, INTX, [event])
    },
  }),
  defineCase({
    name: 'all-or-none',
    title: 'of a block of vectors that cannot be connected as a whole none is: EINVAL or EBADF; each is when it can be',
    needs: { access: 'any', device: ['msix'] },
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: ['drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device(['msix']))
      const event = lab.use(new EventFd())
      const noEventFd = lab.use(Fd.open('/dev/null'))
      // On, with nothing connected: the failure must not be that of switching it on.
      connectIrqs(device, MSIX, [undefined, undefined])
      for (const [code, number] of [['EINVAL', noEventFd.number], ['EBADF', 1 << 20]] as const) {
        expectErrno(code, () => device.setIrqs({ flags: EVENTFD | TRIGGER, index: MSIX, count: 2 }, int32s([event.fd.number, number])))
        triggerIrq(device, MSIX)
        equal(event.read(), 0, 'events of a vector before the one that could not be connected')
      }
      connectIrqs(device, MSIX, [event, event])
      for (const vector of [0, 1]) triggerIrq(device, MSIX, vector)
      equal(event.read(), 2, 'events of both vectors when they are connected')
      disableIrqs(device, MSIX)
    },
  }),
])
