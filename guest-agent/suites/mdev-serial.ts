import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { ANY_DOOR, openNewMdev } from '../mdev/open-mdev.ts'
import { DATA_READY, MTTY_FIFO, MttyPort, OVERRUN, RECEIVE_INTERRUPT, TRANSMITTER_EMPTY } from '../mdev/mtty.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, connectUnmask, disableIrqs, maskIrq, triggerIrq, unmaskIrq } from '../vfio/interrupts.ts'

const NEEDS = { config: ['SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] }
const SOURCES = ['drivers/vfio/vfio_main.c']
const { VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX } = VFIO

const loop = defineCase({
  name: 'loop',
  title: 'read(2) and write(2) reach the registers of an mdev: what a port sends comes back in order, and each port has its own',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '2')
    const [first, second] = [new MttyPort(device, 0), new MttyPort(device, 1)]
    for (const port of [first, second]) {
      port.clear()
      equal(port.lineStatus, TRANSMITTER_EMPTY, 'line status of an empty port')
    }
    first.scratch = 0x11
    second.scratch = 0x22
    first.send([1, 2, 3])
    equal([first.lineStatus, second.lineStatus], [DATA_READY, TRANSMITTER_EMPTY], 'line status of the port that has sent, and of the other')
    second.send([4, 5])
    equal(first.receive(3), [1, 2, 3], 'what came back on the first port')
    equal(second.receive(2), [4, 5], 'what came back on the second port')
    equal([first.scratch, second.scratch], [0x11, 0x22], 'scratch registers')
    equal(device.regionInfo(VFIO.VFIO_PCI_BAR2_REGION_INDEX).size, 0, 'size of a BAR that an mtty has not')
  },
})

const overrun = defineCase({
  name: 'overrun',
  title: 'a FIFO that is full loses what is sent to it, says so, and keeps what it had',
  needs: NEEDS,
  covers: { ioctls: [], sources: SOURCES },
  run: (lab) => {
    const port = new MttyPort(openNewMdev(lab, 'mtty', '1'))
    port.clear()
    // 16 fill the ring of 16 places: its head is its tail again, which reads as empty. One less leaves a place.
    const sent = Array.from({ length: MTTY_FIFO - 1 }, (_, index) => index + 1)
    port.send(sent)
    equal(port.lineStatus, DATA_READY, 'line status of a port that is not full')
    equal(port.receive(sent.length), sent, 'what came back')
    port.send(Array.from({ length: MTTY_FIFO + 1 }, () => 7))
    equal(port.lineStatus & OVERRUN, OVERRUN, 'overrun after one too many')
    port.clear()
    port.send([9])
    equal(port.lineStatus, DATA_READY, 'line status after the FIFO was cleared')
  },
})

const msi = defineCase({
  name: 'msi',
  title: 'an mdev raises its MSI through an eventfd at what the port was told to interrupt for, and by SET_IRQS, until it is switched off',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_GET_IRQ_INFO'], sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    device.info()
    equal(device.irqInfo(MSI), { index: MSI, flags: VFIO.VFIO_IRQ_INFO_EVENTFD | VFIO.VFIO_IRQ_INFO_NORESIZE, count: 1 }, 'MSI')
    const raised = lab.use(new EventFd())
    const port = new MttyPort(device)
    port.clear()
    expectErrno('EINVAL', () => { triggerIrq(device, MSI) })
    connectIrqs(device, MSI, [raised])
    port.send([1])
    equal(raised.read(), 0, 'interrupts before the port was told to interrupt')
    port.clear()
    port.interrupts = RECEIVE_INTERRUPT
    port.send([1])
    equal(raised.read(), 1, 'interrupts of one character')
    triggerIrq(device, MSI)
    equal(raised.read(), 1, 'interrupts by SET_IRQS')
    for (const act of [maskIrq, unmaskIrq]) expectErrno('ENOTTY', () => { act(device, MSI) })
    expectErrno('EINVAL', () => { connectIrqs(device, INTX, [raised]) })
    disableIrqs(device, MSI)
    port.clear()
    port.send([1])
    equal(raised.read(), 0, 'interrupts after MSI was switched off')
  },
})

const intx = defineCase({
  name: 'intx',
  title: 'INTx of an mdev masks itself when it is raised and is raised again only after it was unmasked',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_GET_IRQ_INFO'], sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    device.info()
    const flags = VFIO.VFIO_IRQ_INFO_EVENTFD | VFIO.VFIO_IRQ_INFO_MASKABLE | VFIO.VFIO_IRQ_INFO_AUTOMASKED
    equal(device.irqInfo(INTX), { index: INTX, flags, count: 1 }, 'INTx')
    const raised = lab.use(new EventFd())
    for (const act of [maskIrq, unmaskIrq, triggerIrq]) expectErrno('EINVAL', () => { act(device, INTX) })
    connectIrqs(device, INTX, [raised])
    triggerIrq(device, INTX)
    triggerIrq(device, INTX)
    equal(raised.read(), 1, 'interrupts of two, the second one masked')
    unmaskIrq(device, INTX)
    triggerIrq(device, INTX)
    equal(raised.read(), 1, 'interrupts after it was unmasked')
    unmaskIrq(device, INTX)
    maskIrq(device, INTX)
    triggerIrq(device, INTX)
    equal(raised.read(), 0, 'interrupts while it is masked')
    expectErrno('ENOTTY', () => { connectUnmask(device, INTX, raised) })
    disableIrqs(device, INTX)
    expectErrno('EINVAL', () => { triggerIrq(device, INTX) })
  },
})

const irqRefusals = defineCase({
  name: 'irq-refusals',
  title: 'an interrupt, a vector, a flag or an eventfd that there is not is refused, and the one that is connected stays',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    device.info()
    const raised = lab.use(new EventFd())
    connectIrqs(device, MSI, [raised])
    const flags = VFIO.VFIO_IRQ_SET_DATA_NONE | VFIO.VFIO_IRQ_SET_ACTION_TRIGGER
    for (const index of [VFIO.VFIO_PCI_NUM_IRQS, 0xffff]) expectErrno('EINVAL', () => { device.setIrqs({ flags, index, count: 1 }) })
    for (const [start, count] of [[5, 1], [0, 6], [1, 1], [0, 2], [0xffff_ffff, 1]] as const) {
      expectErrno('EINVAL', () => { device.setIrqs({ flags, index: MSI, start, count }) })
    }
    const { VFIO_IRQ_SET_DATA_BOOL: BOOL, VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER } = VFIO
    for (const wrong of [flags | 0x40, flags | BOOL, TRIGGER]) expectErrno('EINVAL', () => { device.setIrqs({ flags: wrong, index: MSI, count: 1 }) })
    // The data must be there.
    for (const data of [BOOL, EVENTFD]) expectErrno('EINVAL', () => { device.setIrqs({ flags: data | TRIGGER, index: MSI, count: 1 }) })
    expectErrno('ENOTTY', () => { device.setIrqs({ flags, index: MSIX, count: 1 }) })
    triggerIrq(device, MSI)
    equal(raised.read(), 1, 'interrupts after all refusals')
    device.setIrqs({ flags: BOOL | TRIGGER, index: MSI, count: 1 }, new Uint8Array([1]))
    device.setIrqs({ flags: BOOL | TRIGGER, index: MSI, count: 1 }, new Uint8Array([0]))
    equal(raised.read(), 1, 'interrupts of one bool that is true and one that is not')
  },
})

export const mdevSerial = suite('mdev-serial', [loop, overrun, msi, intx, irqRefusals])
