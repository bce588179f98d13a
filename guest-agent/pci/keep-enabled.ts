import type { CaseContext } from '../case/case-context.ts'
import { writeText } from '../sys/text-file.ts'
import type { PciDevice } from './pci-device.ts'

/**
 * Has the device enabled until the case ends, so that its driver only counts when it enables and disables it (pci_enable_device()). Otherwise the
 * kernel asks ACPI for the interrupt each time, and ACPICA follows what it has freed when it was refused memory.
 */
export const keepEnabled = async (lab: CaseContext, pci: PciDevice): Promise<void> => {
  const enable = async (on: boolean) => {
    // Only a device without a driver is enabled by hand.
    await pci.unbind()
    writeText(`${pci.dir}/enable`, on ? '1' : '0')
    pci.bind()
  }
  await enable(true)
  lab.defer(() => enable(false))
}
