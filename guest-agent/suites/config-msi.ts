import { defineCase, suite } from '../case/define-case.ts'
import { Failed, equal } from '../case/expect.ts'
import { Edu } from '../devices/edu.ts'
import { PCI_CAP_ID_MSI, capabilityAt } from '../pci/header.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_CONFIG_REGION_INDEX: CONFIG, VFIO_PCI_MSI_IRQ_INDEX: MSI } = VFIO
const CONFIG_C = 'drivers/vfio/pci/vfio_pci_config.c'
const FLAGS = 2
const ENABLE = 0x01
const QUEUE_SIZE = 0x70
const ADDRESS_LOW = 4
const ADDRESS_HIGH = 8
const DATA = 12
/** How long nothing is waited for, milliseconds. */
const SILENCE = 20

/** Where the MSI capability lies. */
const msiAt = (pci: PciDevice): number => {
  const at = capabilityAt(pci.configByte, PCI_CAP_ID_MSI)
  if (at === undefined) throw new Failed(`${pci.toString()} has no MSI capability`)
  return at
}

export const configMsi = suite('config-msi', [
  defineCase({
    name: 'virtual',
    title: 'address, data and enable of MSI are the user\'s own copy: no write to config space makes the device send an MSI',
    needs: { access: 'any', device: ['msi'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CONFIG_C] },
    run: (lab) => {
      const pci = lab.device(['msi'])
      const { device } = openAnyDevice(lab, pci)
      const at = msiAt(pci)
      const before = pci.config(at, 16)
      for (const [field, value] of [[ADDRESS_LOW, 0xfee0_1004], [ADDRESS_HIGH, 0x1234], [DATA, 0x4021]] as const) {
        device.write(CONFIG, at + field, field === DATA ? 2 : 4, value)
        equal(device.read(CONFIG, at + field, field === DATA ? 2 : 4), value, `MSI field at +${field}`)
      }
      const flags = device.read(CONFIG, at + FLAGS, 2)
      device.write(CONFIG, at + FLAGS, 2, flags | ENABLE | QUEUE_SIZE)
      equal(device.read(CONFIG, at + FLAGS, 2), flags, 'MSI flags after enable and queue size were written')
      const after = pci.config(at, 16)
      for (const field of [0, ADDRESS_LOW, ADDRESS_HIGH, DATA]) {
        equal(after.getUint32(field, true), before.getUint32(field, true), `MSI capability of the device itself at +${field}`)
      }
    },
  }),
  defineCase({
    name: 'enable',
    title: 'once MSI was set up by ioctl, its enable bit in config space switches the device\'s messages off and on',
    needs: { access: 'any', deviceKind: 'edu', device: ['msi'] },
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [CONFIG_C, 'drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: async (lab) => {
      const pci = lab.device('edu')
      const open = openAnyDevice(lab, pci)
      const { device } = open
      const edu = new Edu(lab, open)
      const at = msiAt(pci)
      const event = lab.use(new EventFd())
      const enable = (bit: number) => {
        device.write(CONFIG, at + FLAGS, 2, (device.read(CONFIG, at + FLAGS, 2) & ~ENABLE) | bit)
        equal(pci.config(at + FLAGS, 1).getUint8(0) & ENABLE, bit, 'MSI enable of the device itself')
      }
      connectIrqs(device, MSI, [event])
      lab.defer(() => { edu.acknowledgeInterrupt() })
      enable(0)
      edu.raiseInterrupt()
      equal(await event.wait(SILENCE, lab.signal), 0, 'events while MSI is off in config space')
      edu.acknowledgeInterrupt()
      enable(ENABLE)
      edu.raiseInterrupt()
      equal(await event.wait(2000, lab.signal), 1, 'events after MSI was switched on again')
      disableIrqs(device, MSI)
      equal(pci.config(at + FLAGS, 1).getUint8(0) & ENABLE, 0, 'MSI enable of the device itself after the interrupt was taken down')
    },
  }),
])
