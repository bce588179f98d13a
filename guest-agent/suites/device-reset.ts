import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno } from '../case/expect.ts'
import { Edu } from '../devices/edu.ts'
import { PCI_BASE_ADDRESS_0, PCI_COMMAND, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY, PCI_INTERRUPT_LINE } from '../pci/header.ts'
import { EventFd } from '../sys/eventfd.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_MSI_IRQ_INDEX: MSI } = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const IDENTIFICATION = 0

export const deviceReset = suite('device-reset', [
  defineCase({
    name: 'config-space',
    title: 'a reset keeps the config space that the user made, real and virtual; registers and mappings of the BAR go on working',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: (lab) => {
      const pci = lab.device('edu')
      const { device } = openAnyDevice(lab, pci)
      const registers = lab.use(device.mmap(BAR, { length: PAGE_SIZE }))
      const identification = registers.read32(IDENTIFICATION)
      device.write(CONFIG, PCI_COMMAND, 2, device.read(CONFIG, PCI_COMMAND, 2) | PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY)
      device.write(CONFIG, PCI_INTERRUPT_LINE, 1, 0x5a)
      device.write(CONFIG, PCI_BASE_ADDRESS_0, 4, 0xabc0_0000)
      const before = device.readBytes(CONFIG, 0, 256)
      const real = new Uint8Array(pci.config(0, 256).buffer)
      device.reset()
      equalBytes(device.readBytes(CONFIG, 0, 256), before, 'config space after the reset')
      equalBytes(new Uint8Array(pci.config(0, 256).buffer), real, 'config space of the device itself after the reset')
      equal(device.read(BAR, IDENTIFICATION, 4), identification, 'identification register after the reset')
      equal(registers.read32(IDENTIFICATION), identification, 'the same through the mapping made before it')
      expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_GET_GFX_DMABUF'))
    },
  }),
  defineCase({
    name: 'interrupt',
    title: 'an MSI that was set up before a reset is delivered after it',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_RESET', 'VFIO_DEVICE_SET_IRQS'], sources: [CORE, 'drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: async (lab) => {
      const open = openAnyDevice(lab, lab.device('edu'))
      const edu = new Edu(lab, open)
      const event = lab.use(new EventFd())
      connectIrqs(open.device, MSI, [event])
      lab.defer(() => { edu.acknowledgeInterrupt() })
      open.device.reset()
      edu.raiseInterrupt()
      equal(await event.wait(2000, lab.signal), 1, 'events after the reset')
    },
  }),
])
