import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
const PCI_COMMAND = 4
const PCI_COMMAND_MEMORY = 2
const PCI_COMMAND_MASTER = 4

/** Lets the device issue DMA and MSIs (PCI_COMMAND, linux/pci_regs.h). */
export const enableBusMaster = (device: VfioDevice): void => {
  device.write(CONFIG, PCI_COMMAND, 2, device.read(CONFIG, PCI_COMMAND, 2) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)
}

export const disableBusMaster = (device: VfioDevice): void => {
  device.write(CONFIG, PCI_COMMAND, 2, device.read(CONFIG, PCI_COMMAND, 2) & ~PCI_COMMAND_MASTER)
}
