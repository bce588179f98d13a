import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, ok } from '../case/expect.ts'
import { capabilitiesOf, has, kindsWith, kindsWithout } from '../case/kinds.ts'
import { interrupter } from '../devices/drive.ts'
import type { Interrupter } from '../devices/test-device.ts'
import { interruptsOf } from '../pci/header.ts'
import type { DeviceCapability, DeviceKind } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, unmaskIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { hasNoInterrupt } from '../vfio/told-interrupts.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const { VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX } = VFIO
const EXERCISED = ['intx', 'msi', 'msix'] as const satisfies readonly DeviceCapability[]
const COVERS = { ioctls: ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_GET_IRQ_INFO'], sources: ['drivers/vfio/pci/vfio_pci_intrs.c', 'drivers/vfio/pci/vfio_pci_core.c'] }
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

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

const intx = async (lab: CaseContext, device: VfioDevice, raiser: Interrupter): Promise<void> => {
  const event = lab.use(new EventFd())
  connectIrqs(device, INTX, [event])
  await raiser.raiseInterrupt()
  equal(await event.wait(2000, lab.signal), 1, 'events when the device asserted its line')
  unmaskIrq(device, INTX)
  equal(await event.wait(2000, lab.signal), 1, 'events when INTx was unmasked while asserted')
  await raiser.acknowledgeInterrupt()
  unmaskIrq(device, INTX)
  equal(await event.wait(SILENCE, lab.signal), 0, 'events when INTx was unmasked after the line was released')
  await raiser.raiseInterrupt()
  equal(await event.wait(2000, lab.signal), 1, 'events when the line was asserted anew')
  await raiser.acknowledgeInterrupt()
  disableIrqs(device, INTX)
}

const msi = async (lab: CaseContext, device: VfioDevice, raiser: Interrupter): Promise<void> => {
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
}

const msix = async (lab: CaseContext, device: VfioDevice, raiser: Interrupter): Promise<void> => {
  const { count, flags } = device.irqInfo(MSIX)
  const canGrow = (flags & VFIO.VFIO_IRQ_INFO_NORESIZE) === 0
  lab.measure('growingMsix', Number(canGrow))
  ok(count >= raiser.vectors && raiser.vectors > 0, `${raiser.vectors} vectors of MSI-X expected at least, VFIO tells of ${count}`)
  const events = Array.from({ length: count }, (_, vector) => lab.use(new EventFd(`eventfd of vector ${vector}`)))
  /** Other vectors that came with this one. */
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
  disableIrqs(device, MSIX)
}

/** edu has suites of its own: irq-intx, irq-msi. */
const raises = (kind: DeviceKind) => defineCase({
  name: kind,
  title: `interrupts of ${kind}, one kind after the other: INTx masks itself and comes again while asserted, each message comes once, each vector at its own eventfd`,
  needs: { access: 'any', deviceKind: kind, device: capabilitiesOf(kind, EXERCISED) },
  covers: COVERS,
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const raiser = await interrupter(lab, open)
    if (has(kind, 'intx')) await intx(lab, open.device, raiser)
    if (has(kind, 'msi')) await msi(lab, open.device, raiser)
    if (has(kind, 'msix')) await msix(lab, open.device, raiser)
  },
})

const absent = (kind: DeviceKind) => defineCase({
  name: `absent-${kind}`,
  title: `${kind} raises no interrupt: VFIO counts none but a pin that it shows, and what is not counted cannot be connected or taken down (EINVAL)`,
  needs: { access: 'any', deviceKind: kind },
  covers: COVERS,
  run: (lab) => {
    const { device, pci } = openAnyDevice(lab, lab.device(kind))
    for (const index of [MSI, MSIX]) hasNoInterrupt(lab, device, index)
    // A pin that is never raised is a pin all the same (pcie-ats-testdev), and VFIO tells of what config space shows.
    if (interruptsOf(pci.configByte).intx === 0) hasNoInterrupt(lab, device, INTX)
    else equal(device.irqInfo(INTX).count, 1, 'interrupts of index INTX')
  },
})

export const deviceIrq = suite('device-irq', [
  ...kindsWith(EXERCISED, ['edu']).map(raises),
  ...kindsWithout(EXERCISED).map(absent),
])
