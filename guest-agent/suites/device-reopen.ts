import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { Edu } from '../devices/edu.ts'
import { PCI_BASE_ADDRESS_0, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_MASTER, PCI_INTERRUPT_LINE } from '../pci/header.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs } from '../vfio/interrupts.ts'
import { openThroughCdev, openThroughGroup, type OpenDevice } from '../vfio/open-device.ts'

const {
  VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI,
  VFIO_PCI_REQ_IRQ_INDEX: REQ,
} = VFIO
/** edu's register that reads back the complement of what was written. */
const LIVENESS = 4

/** The device, and how to open it once more after it was closed: by the same door. */
const openAgain = (lab: CaseContext, pci: PciDevice): readonly [OpenDevice, () => OpenDevice] => {
  if (pci.cdevNode !== undefined) return [openThroughCdev(lab, pci), () => openThroughCdev(lab, pci)]
  const open = openThroughGroup(lab, pci)
  return [open, () => ({ ...open, device: lab.use(open.group.device(pci.bdf)) })]
}

export const deviceReopen = suite('device-reopen', [
  defineCase({
    name: 'fresh',
    title: 'nothing that one user did to a device meets the next: neither config space, interrupts, nor eventfds that write to it',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: {
      ioctls: ['VFIO_DEVICE_SET_IRQS', 'VFIO_DEVICE_IOEVENTFD', 'VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'],
      sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_config.c', 'drivers/vfio/pci/vfio_pci_intrs.c'],
    },
    run: async (lab) => {
      const pci = lab.device('edu')
      const real = () => new Uint8Array(pci.config(0, 256).buffer)
      const [first, reopen] = openAgain(lab, pci)
      const [before, beforeReal] = [first.device.readBytes(CONFIG, 0, 256), real()]
      const [msi, request, write] = [lab.use(new EventFd()), lab.use(new EventFd()), lab.use(new EventFd())]
      connectIrqs(first.device, MSI, [msi])
      connectIrqs(first.device, REQ, [request])
      first.device.ioeventfd(4, first.device.regionInfo(BAR).offset + BigInt(LIVENESS), 0x1111_1111n, write.fd.number)
      first.device.write(CONFIG, PCI_INTERRUPT_LINE, 1, 0x5a)
      first.device.write(CONFIG, PCI_BASE_ADDRESS_0, 4, 0xffff_ffff)
      // With memory decoding off, too.
      first.device.write(CONFIG, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MASTER)
      first.device.close()
      const open = reopen()
      equalBytes(open.device.readBytes(CONFIG, 0, 256), before, 'config space of the device that was opened again')
      equalBytes(real(), beforeReal, 'config space of the device itself')
      const edu = new Edu(lab, open)
      lab.defer(() => { edu.acknowledgeInterrupt() })
      equal(edu.complement(0x2222_2222), ~0x2222_2222 >>> 0, 'register that answers with the complement')
      write.write()
      equal(open.device.read(BAR, LIVENESS, 4), ~0x2222_2222 >>> 0, 'register after the eventfd of the user before was raised')
      const intx = lab.use(new EventFd())
      connectIrqs(open.device, INTX, [intx])
      edu.raiseInterrupt()
      equal(await intx.wait(2000, lab.signal), 1, 'events of INTx')
      equal([msi.read(), request.read()], [0, 0], 'events at the eventfds of the user before')
    },
  }),
])
