import type { CellFacts } from '../protocol.ts'
import { bypassesIommu, findDevices } from '../pci/find-devices.ts'
import { neededParameters, readParameters, writeParameters } from '../pci/module-parameters.ts'
import { VFIO_PCI, type PciDevice } from '../pci/pci-device.ts'

/** The machine as the cases find it. */
export interface PreparedMachine extends AsyncDisposable {
  readonly devices: readonly PciDevice[]
}

/**
 * Sets the module parameters that this cell needs and then binds every device of the lab to vfio-pci, where the cell can have
 * a VFIO device at all. Disposing unbinds them and puts the parameters back.
 */
export const prepareMachine = (cell: CellFacts, note: (text: string) => void): PreparedMachine => {
  const before = readParameters()
  for (const change of writeParameters(neededParameters(cell))) note(`set ${change}`)
  const devices = findDevices(cell)
  for (const device of devices) if (canBeBound(device, cell)) bind(device, note)
  return {
    devices,
    [Symbol.asyncDispose]: async () => {
      for (const device of devices) if (device.driver === VFIO_PCI) await unbind(device, note)
      writeParameters(before)
    },
  }
}

/** Without an IOMMU a VFIO device exists only where the kernel has the noiommu mode. */
const canBeBound = (device: PciDevice, { config, iommu }: CellFacts): boolean =>
  (iommu.length > 0 && !bypassesIommu(device)) || config['VFIO_NOIOMMU'] !== undefined

/** The cases are over: a kernel that refuses makes nothing of them undone. */
const unbind = async (device: PciDevice, note: (text: string) => void): Promise<void> => {
  try {
    await device.unbind()
  } catch (error) {
    note(`${device.toString()} could not be unbound: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** A device that cannot be bound fails the cases that ask for it, with the kernel's reason on record. */
const bind = (device: PciDevice, note: (text: string) => void): void => {
  try {
    device.bind()
  } catch (error) {
    note(`${device.toString()} could not be bound: ${error instanceof Error ? error.message : String(error)}`)
  }
}
