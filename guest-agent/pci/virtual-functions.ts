import { linkName, namesIn, readText, writeTextAside } from '../sys/text-file.ts'
import { SRIOV_PARAMETER, writeParameters } from './module-parameters.ts'
import { PciDevice } from './pci-device.ts'

/** How many virtual functions a device can switch on; 0: it is no physical function, or the kernel has no PCI_IOV. */
export const totalVirtualFunctions = (device: PciDevice): number => Number(readText(`${device.dir}/sriov_totalvfs`) ?? 0)

const physical = new WeakMap<PciDevice, boolean>()

/** How many virtual functions a device has switched on. What it can do stays as it is, so one that is no physical function is asked once. */
export const virtualFunctionCount = (device: PciDevice): number => {
  const isPhysical = physical.get(device) ?? totalVirtualFunctions(device) > 0
  physical.set(device, isPhysical)
  return isPhysical ? Number(readText(`${device.dir}/sriov_numvfs`) ?? 0) : 0
}

/** The virtual functions that a physical one has switched on, in their order. */
export const virtualFunctions = (owner: PciDevice): readonly PciDevice[] =>
  namesIn(owner.dir)
    .flatMap((name) => (/^virtfn\d+$/.test(name) ? [{ index: Number(name.slice('virtfn'.length)), bdf: linkName(`${owner.dir}/${name}`) }] : []))
    .sort((one, other) => one.index - other.index)
    .flatMap(({ bdf }) => (bdf === undefined ? [] : [new PciDevice(bdf, owner.kind)]))

/**
 * Switches so many virtual functions on, or with 0 all of them off: that takes the kernel a second. The driver of the physical function must
 * allow it. Throws Errno (Documentation/ABI/testing/sysfs-bus-pci, sriov_numvfs).
 */
export const setVirtualFunctions = async (physical: PciDevice, count: number): Promise<void> => {
  await writeTextAside(`${physical.dir}/sriov_numvfs`, count.toString())
}

/** Who undoes what was done: the case's context. */
interface Owner {
  readonly defer: (undo: () => void | Promise<void>) => void
}

/** Has vfio-pci let physical functions switch on virtual ones, or not, until the case is over. */
export const allowVirtualFunctions = (owner: Owner, allowed: boolean): void => {
  const before = readText(SRIOV_PARAMETER) ?? 'N'
  owner.defer(() => { writeParameters(new Map([[SRIOV_PARAMETER, before]])) })
  writeParameters(new Map([[SRIOV_PARAMETER, allowed ? 'Y' : 'N']]))
}

/** Switches so many virtual functions on until the case is over. */
export const borrowVirtualFunctions = async (owner: Owner, device: PciDevice, count: number): Promise<readonly PciDevice[]> => {
  owner.defer(() => setVirtualFunctions(device, 0))
  await setVirtualFunctions(device, count)
  return virtualFunctions(device)
}
