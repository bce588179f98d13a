import { Failed, equal } from '../case/expect.ts'
import { PCI_CAP_ID_PM, capabilityAt } from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from './open-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
/** Control and status of PCI power management, linux/pci_regs.h. */
const PCI_PM_CTRL = 4
const STATE_MASK = 3
export const D0 = 0
export const D3HOT = 3

/** The user puts the device into a power state by its config space; it must be there then, by VFIO and by the device itself. */
export const setPowerState = ({ device, pci }: OpenDevice, state: typeof D0 | typeof D3HOT): void => {
  const at = capabilityAt((offset) => device.read(CONFIG, offset, 1), PCI_CAP_ID_PM)
  if (at === undefined) throw new Failed(`${pci.toString()} has no power management capability`)
  const control = device.read(CONFIG, at + PCI_PM_CTRL, 2)
  device.write(CONFIG, at + PCI_PM_CTRL, 2, (control & ~STATE_MASK) | state)
  equal(device.read(CONFIG, at + PCI_PM_CTRL, 2) & STATE_MASK, state, 'power state')
  equal(pci.config(at + PCI_PM_CTRL, 2).getUint16(0, true) & STATE_MASK, state, 'power state of the device itself')
}
