import { PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS_ENABLE, capabilityAt } from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX

/** Does the device raise its interrupts by MSI-X now? */
export const msixIsOn = (device: VfioDevice): boolean => {
  const at = capabilityAt((offset) => device.read(CONFIG, offset, 1), PCI_CAP_ID_MSIX)
  return at !== undefined && (device.read(CONFIG, at + 2, 2) & PCI_MSIX_FLAGS_ENABLE) !== 0
}
