import fs from 'node:fs'
import { capabilityAt, PCI_CAP_ID_EXP } from './header.ts'

/** Slot Control of the PCI Express capability (linux/pci_regs.h). */
const PCI_EXP_SLTCTL = 0x18
const PCI_EXP_SLTCTL_PIC = 0x300
const PCI_EXP_SLTCTL_PCC = 0x400

/** Takes the power from the slot behind this port, as if the device had been pulled out: the kernel is not asked, it finds out. */
export const powerOff = (port: string): void => {
  const fd = fs.openSync(`/sys/bus/pci/devices/${port}/config`, 'r+')
  try {
    const read = (at: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length)
      fs.readSync(fd, bytes, 0, length, at)
      return bytes
    }
    const express = capabilityAt((offset) => read(offset, 1).readUInt8(), PCI_CAP_ID_EXP)
    if (express === undefined) throw new Error(`${port} is no port of PCI Express`)
    const at = express + PCI_EXP_SLTCTL
    const control = Buffer.alloc(2)
    // Both off: with a power indicator that is on nobody pulls a device.
    control.writeUInt16LE(read(at, 2).readUInt16LE() | PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC)
    fs.writeSync(fd, control, 0, 2, at)
  } finally {
    fs.closeSync(fd)
  }
}
