import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { VfioUserDma } from '../devices/vfio-user-dma.ts'
import {
  COMMAND_WRITE, pattern, RAISE_ENABLED, RAISE_INTX, RAISE_KIND_SHIFT, RAISE_MSI, RAISE_MSIX, REGISTER,
} from '../devices/vfio-user-dma-registers.ts'
import { interruptsOf } from '../pci/header.ts'
import type { DeviceCapability } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs, unmaskIrq } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX } = VFIO
/** A device that raises any vector of any kind when it is told to, and knows whether somebody listened. */
const onDevice = (...device: readonly DeviceCapability[]) => ({ access: 'any', deviceKind: 'vfio-user-dma', device }) as const
const COVERS = { ioctls: ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_GET_IRQ_INFO'], sources: ['drivers/vfio/pci/vfio_pci_intrs.c'] }
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

const openDma = (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device('vfio-user-dma'))
  const dma = new VfioUserDma(lab, open)
  lab.defer(() => { dma.acknowledgeInterrupt() })
  const newEvents = (count: number) => Array.from({ length: count }, (_, vector) => lab.use(new EventFd(`eventfd of vector ${vector}`)))
  const vectors = interruptsOf(open.pci.configByte)
  return { device: open.device, space: open.dma, dma, newEvents, vectors }
}

/** Raises each vector, last first, and wants its eventfd raised once and no other one. */
const eachForItself = async (lab: CaseContext, dma: VfioUserDma, kind: number, events: readonly EventFd[]): Promise<void> => {
  for (const [vector, event] of [...events.entries()].reverse()) {
    dma.raise(kind, vector)
    equal(await event.wait(2000, lab.signal), 1, `events of vector ${vector}`)
    equal(events.map((each) => each.read()), events.map(() => 0), `events of all vectors after vector ${vector} was raised`)
  }
}

export const irqKinds = suite('irq-kinds', [
  defineCase({
    name: 'msix',
    title: 'each MSI-X vector raises its own eventfd, and goes on doing so while further vectors are added one by one',
    needs: onDevice('msix'),
    covers: COVERS,
    run: async (lab) => {
      const { device, dma, newEvents, vectors } = openDma(lab)
      equal(device.irqInfo(MSIX).count, vectors.msix, 'vectors')
      const events = newEvents(vectors.msix)
      for (const [vector, event] of events.entries()) {
        connectIrqs(device, MSIX, [event], vector)
        if (vector === 0 || vector === 3) await eachForItself(lab, dma, RAISE_MSIX, events.slice(0, vector + 1))
      }
      await eachForItself(lab, dma, RAISE_MSIX, events)
      disableIrqs(device, MSIX)
      dma.raise(RAISE_MSIX, 0)
      equal(await events[0]?.wait(SILENCE, lab.signal), 0, 'events after MSI-X was taken down')
    },
  }),
  defineCase({
    name: 'msi',
    title: 'each of several MSI vectors raises its own eventfd',
    needs: { ...onDevice('msi'), iommu: ['interrupt-remapping'] },
    covers: COVERS,
    run: async (lab) => {
      const { device, dma, newEvents, vectors } = openDma(lab)
      equal(device.irqInfo(MSI).count, vectors.msi, 'vectors')
      const events = newEvents(vectors.msi)
      connectIrqs(device, MSI, events)
      await eachForItself(lab, dma, RAISE_MSI, events)
    },
  }),
  defineCase({
    name: 'intx',
    title: 'the level of INTx comes once, again after each unmasking while it is held, and not after the device has let go of it',
    needs: onDevice('intx'),
    covers: COVERS,
    run: async (lab) => {
      const { device, dma } = openDma(lab)
      const event = lab.use(new EventFd())
      connectIrqs(device, INTX, [event])
      dma.raise(RAISE_INTX, 0)
      equal(await event.wait(2000, lab.signal), 1, 'events when the device asserted its line')
      for (const round of [1, 2]) {
        equal(await event.wait(SILENCE, lab.signal), 0, `events while it is masked, round ${round}`)
        unmaskIrq(device, INTX)
        equal(await event.wait(2000, lab.signal), 1, `events when it was unmasked, round ${round}`)
      }
      dma.acknowledgeInterrupt()
      equal(dma.register(REGISTER.IRQ_STATUS) & 1, 0, 'level of the line, as the device sees it')
      unmaskIrq(device, INTX)
      equal(await event.wait(SILENCE, lab.signal), 0, 'events after the device let go')
    },
  }),
  defineCase({
    name: 'after-dma',
    title: 'an interrupt at the end of a DMA does not come before what the DMA wrote',
    needs: onDevice('msix', 'dma-write'),
    covers: COVERS,
    run: async (lab) => {
      const { device, space, dma, newEvents } = openDma(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = space.map(memory)
      const events = newEvents(1)
      connectIrqs(device, MSIX, events)
      dma.setRegister(REGISTER.RAISE_AT_END, RAISE_ENABLED + (RAISE_MSIX << RAISE_KIND_SHIFT))
      for (const seed of [1, 2, 3]) {
        dma.setRegister(REGISTER.SEED, seed)
        dma.start(COMMAND_WRITE, address, PAGE_SIZE)
        equal(await events[0]?.wait(2000, lab.signal), 1, `events of DMA ${seed}`)
        equalBytes(memory.bytes, pattern(seed, PAGE_SIZE), `memory when the interrupt of DMA ${seed} came`)
      }
    },
  }),
])
