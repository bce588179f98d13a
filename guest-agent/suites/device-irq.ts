import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { kindsWith } from '../case/kinds.ts'
import { interrupter } from '../devices/drive.ts'
import type { Interrupter } from '../devices/test-device.ts'
import { DEVICE_CAPABILITIES, DEVICE_KINDS, type DeviceKind } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, unmaskIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX } = VFIO
const INDEXES = { intx: INTX, msi: MSI, msix: MSIX } as const
const SOURCES = ['drivers/vfio/pci/vfio_pci_intrs.c', 'drivers/vfio/pci/vfio_pci_core.c']
const IOCTLS = ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_GET_IRQ_INFO']
/** edu has suites of its own: irq-intx, irq-msi. */
const EXCEPT: readonly DeviceKind[] = ['edu']
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

const openRaiser = async (lab: CaseContext, kind: DeviceKind) => {
  const open = openAnyDevice(lab, lab.device(kind))
  return { device: open.device, raiser: await interrupter(lab, open) }
}

/** The interrupt came, and once only unless the device repeats it. */
const comes = async (lab: CaseContext, { repeats }: Interrupter, event: EventFd | undefined, what: string): Promise<void> => {
  const count = await event?.wait(2000, lab.signal) ?? 0
  equal(repeats === true && count > 1 ? 1 : count, 1, what)
}

/** Waits for what an interrupt that was acknowledged may still leave behind, and takes it away. */
const repeated = async (lab: CaseContext, { repeats }: Interrupter, events: readonly EventFd[]): Promise<void> => {
  if (repeats !== true) return
  await setTimeout(SILENCE, undefined, { signal: lab.signal })
  for (const event of events) event.read()
}

const intx = (kind: DeviceKind) => defineCase({
  name: `intx-${kind}`,
  title: `INTx of ${kind} comes once and masks itself, comes again when it is unmasked while asserted, and not when it was released`,
  needs: { access: 'any', deviceKind: kind, device: ['intx'] },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: async (lab) => {
    const { device, raiser } = await openRaiser(lab, kind)
    const event = lab.use(new EventFd())
    connectIrqs(device, INTX, [event])
    await raiser.raiseInterrupt()
    equal(await event.wait(2000, lab.signal), 1, 'events when the device asserted its line')
    unmaskIrq(device, INTX)
    equal(await event.wait(2000, lab.signal), 1, 'events when it was unmasked while asserted')
    await raiser.acknowledgeInterrupt()
    unmaskIrq(device, INTX)
    equal(await event.wait(SILENCE, lab.signal), 0, 'events when it was unmasked after the line was released')
    await raiser.raiseInterrupt()
    equal(await event.wait(2000, lab.signal), 1, 'events when the line was asserted anew')
    await raiser.acknowledgeInterrupt()
  },
})

const msi = (kind: DeviceKind) => defineCase({
  name: `msi-${kind}`,
  title: `each MSI of ${kind} raises the eventfd once, and none does after it was taken down`,
  needs: { access: 'any', deviceKind: kind, device: ['msi'] },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: async (lab) => {
    const { device, raiser } = await openRaiser(lab, kind)
    const event = lab.use(new EventFd())
    connectIrqs(device, MSI, [event])
    for (const raise of [1, 2]) {
      await raiser.raiseInterrupt()
      await comes(lab, raiser, event, `events of MSI ${raise}`)
      await raiser.acknowledgeInterrupt()
      await repeated(lab, raiser, [event])
    }
    disableIrqs(device, MSI)
    await raiser.raiseInterrupt()
    equal(await event.wait(SILENCE, lab.signal), 0, 'events after MSI was taken down')
    await raiser.acknowledgeInterrupt()
  },
})

const msix = (kind: DeviceKind) => defineCase({
  name: `msix-${kind}`,
  title: `each MSI-X vector that ${kind} can raise comes at its own eventfd and at no other, again after it was set up anew`,
  needs: { access: 'any', deviceKind: kind, device: ['msix'] },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: async (lab) => {
    const { device, raiser } = await openRaiser(lab, kind)
    const { count, flags } = device.irqInfo(MSIX)
    const canGrow = (flags & VFIO.VFIO_IRQ_INFO_NORESIZE) === 0
    lab.measure('growingMsix', Number(canGrow))
    ok(count >= raiser.vectors && raiser.vectors > 1, `${raiser.vectors} vectors expected at least, VFIO tells of ${count}`)
    const events = Array.from({ length: count }, (_, vector) => lab.use(new EventFd(`eventfd of vector ${vector}`)))
    const raised = async (vector: number): Promise<readonly number[]> => {
      await raiser.raiseInterrupt(vector)
      await comes(lab, raiser, events[vector], `events of vector ${vector}`)
      await raiser.acknowledgeInterrupt()
      await repeated(lab, raiser, events.slice(vector, vector + 1))
      return events.flatMap((event, index) => (event.read() === 0 ? [] : [index]))
    }
    connectIrqs(device, MSIX, events)
    await raiser.prepareVectors?.()
    await setTimeout(SILENCE, undefined, { signal: lab.signal })
    for (const event of events) event.read()
    for (let vector = 0; vector < raiser.vectors; vector += 1) equal(await raised(vector), [], `other vectors that came with vector ${vector}`)
    disableIrqs(device, MSIX)
    await raiser.raiseInterrupt()
    equal(await events[0]?.wait(SILENCE, lab.signal), 0, 'events after MSI-X was taken down')
    await raiser.acknowledgeInterrupt()
    const last = raiser.vectors - 1
    if (canGrow) {
      connectIrqs(device, MSIX, events.slice(0, 1))
      connectIrqs(device, MSIX, events.slice(last, last + 1), last)
    } else {
      connectIrqs(device, MSIX, events)
    }
    equal(await raised(last), [], 'other vectors that came with the last one, set up anew')
  },
})

const absent = (kind: DeviceKind) => defineCase({
  name: `absent-${kind}`,
  title: `${kind} has no interrupt of its own: VFIO counts none, and none can be connected or taken down (EINVAL)`,
  needs: { access: 'any', deviceKind: kind },
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(kind))
    const event = lab.use(new EventFd())
    for (const index of Object.values(INDEXES)) {
      equal(device.irqInfo(index).count, 0, `interrupts of index ${index}`)
      expectErrno('EINVAL', () => { connectIrqs(device, index, [event]) })
      expectErrno('EINVAL', () => { disableIrqs(device, index) })
    }
  },
})

const hasNone = (kind: DeviceKind): boolean => !DEVICE_CAPABILITIES[kind].some((capability) => capability in INDEXES)

export const deviceIrq = suite('device-irq', [
  ...kindsWith(['intx'], EXCEPT).map(intx),
  ...kindsWith(['msi'], EXCEPT).map(msi),
  ...kindsWith(['msix'], EXCEPT).map(msix),
  ...DEVICE_KINDS.filter(hasNone).map(absent),
])
