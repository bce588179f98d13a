import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno, ok } from '../case/expect.ts'
import { plainDevices } from '../case/kinds.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import {
  PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_IO, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY, PCI_INTERRUPT_LINE,
} from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { showsConfigSpace, sizesBars } from '../vfio/shown-config.ts'
import { configSize } from '../vfio/told-regions.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
const SOURCES = ['drivers/vfio/pci/vfio_pci_config.c']
const IOCTLS = ['VFIO_DEVICE_GET_REGION_INFO']
const NEEDS = { access: 'any', device: [] } as const
const SIZE = 256

/** Vendor, device, status, class, header type, subsystem, capability pointer, interrupt pin. */
const READ_ONLY = [[0x00, 2], [0x02, 2], [0x06, 2], [0x08, 4], [0x0e, 1], [0x2c, 4], [0x34, 1], [0x3d, 1]] as const

const hardware = (pci: PciDevice): Uint8Array => new Uint8Array(pci.config(0, SIZE).buffer)

export const configSpace = suite('config-space', [
  defineCase({
    name: 'identity',
    title: 'a device that was just opened shows the config space that the kernel sees, and the same chain of capabilities',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    run: (lab) => lab.forEachDevice((pci, inner) => { showsConfigSpace(openAnyDevice(inner, pci)) }, plainDevices(lab)),
  }),
  defineCase({
    name: 'read-only',
    title: 'writes to what the device is (ids, class, header type, pin, capability pointer, status) change nothing',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    run: (lab) => {
      const pci = lab.device()
      const { device } = openAnyDevice(lab, pci)
      const before = hardware(pci)
      for (const [offset, width] of READ_ONLY) {
        const value = device.read(CONFIG, offset, width)
        device.write(CONFIG, offset, width, ~value)
        equal(device.read(CONFIG, offset, width), value, `field at 0x${offset.toString(16)} after a write`)
      }
      equalBytes(hardware(pci), before, 'config space of the device itself')
    },
  }),
  defineCase({
    name: 'bar-sizing',
    title: 'a BAR written with ones tells its size, as hardware does, while the real BAR stays; one that is not there is 0',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    run: (lab) => lab.forEachDevice((pci, inner) => { sizesBars(openAnyDevice(inner, pci)) }, plainDevices(lab)),
  }),
  defineCase({
    name: 'command',
    title: 'I/O, memory, bus master and INTx disable reach the device, by writes of a word and of a byte, and read back',
    needs: { access: 'any', device: ['intx'] },
    covers: { ioctls: IOCTLS, sources: [...SOURCES, 'drivers/vfio/pci/vfio_pci_intrs.c'] },
    run: (lab) => {
      const pci = lab.device(['intx'])
      const { device } = openAnyDevice(lab, pci)
      const shown = (command: number, how: string) => {
        equal(device.read(CONFIG, PCI_COMMAND, 2), command, `COMMAND after ${how}`)
        equal(pci.config(PCI_COMMAND, 2).getUint16(0, true), command, `COMMAND of the device itself after ${how}`)
      }
      const before = device.read(CONFIG, PCI_COMMAND, 2)
      equal(before & PCI_COMMAND_MASTER, 0, 'bus master of a device that was just opened')
      for (const bits of [PCI_COMMAND_MASTER, PCI_COMMAND_IO, PCI_COMMAND_MEMORY, PCI_COMMAND_INTX_DISABLE]) {
        const command = before ^ bits
        device.write(CONFIG, PCI_COMMAND, 2, command)
        shown(command, `a write of 0x${command.toString(16)}`)
        device.write(CONFIG, PCI_COMMAND, 2, before)
        shown(before, 'a write of what it was')
      }
      device.write(CONFIG, PCI_COMMAND, 1, (before | PCI_COMMAND_MASTER) & 0xff)
      device.write(CONFIG, PCI_COMMAND + 1, 1, (before | PCI_COMMAND_INTX_DISABLE) >> 8)
      shown(before | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE, 'two writes of a byte')
    },
  }),
  defineCase({
    name: 'interrupt-line',
    title: 'the interrupt line is the user\'s to write, and the device never hears of it',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    run: (lab) => {
      const pci = lab.device()
      const { device } = openAnyDevice(lab, pci)
      const before = pci.config(PCI_INTERRUPT_LINE, 1).getUint8(0)
      for (const value of [before ^ 0xff, before ^ 0x5a]) {
        device.write(CONFIG, PCI_INTERRUPT_LINE, 1, value)
        equal(device.read(CONFIG, PCI_INTERRUPT_LINE, 1), value, 'interrupt line')
      }
      equal(pci.config(PCI_INTERRUPT_LINE, 1).getUint8(0), before, 'interrupt line of the device itself')
    },
  }),
  defineCase({
    name: 'any-length',
    title: 'accesses of any length and alignment are the same bytes; one that crosses the end of config space is EFAULT',
    needs: NEEDS,
    covers: { ioctls: IOCTLS, sources: SOURCES },
    run: (lab) => {
      const pci = lab.device()
      const { device } = openAnyDevice(lab, pci)
      const whole = device.readBytes(CONFIG, 0, SIZE)
      for (const [offset, length] of [[0, 1], [1, 1], [1, 2], [2, 2], [1, 3], [3, 8], [0x0d, 4], [0x3e, 5], [0x41, 9], [0, 64], [255, 1]] as const) {
        equalBytes(device.readBytes(CONFIG, offset, length), whole.slice(offset, offset + length), `${length} bytes from 0x${offset.toString(16)}`)
      }
      // Three bytes from the last of the header's dword before it: only the interrupt line is writable among them.
      equal(device.writeBytes(CONFIG, PCI_INTERRUPT_LINE - 1, Uint8Array.of(0xff, 0x77, 0xff)), 3, 'bytes written')
      equal(device.read(CONFIG, PCI_INTERRUPT_LINE, 1), 0x77, 'interrupt line')
      const end = configSize(pci)
      for (const [offset, length] of [[end, 1], [end - 1, 2], [end - 4, 8], [4096, 4]] as const) {
        expectErrno('EFAULT', () => device.readBytes(CONFIG, offset, length))
        expectErrno('EFAULT', () => device.writeBytes(CONFIG, offset, new Uint8Array(length)))
      }
      ok(device.readBytes(CONFIG, end - 4, 4).byteLength === 4, 'the last dword must be there')
    },
  }),
])
