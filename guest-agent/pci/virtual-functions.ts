import { linkName, namesIn, readText, writeTextAside } from '../sys/text-file.ts'
import { PciDevice } from './pci-device.ts'

/** How many virtual functions a device can switch on; 0: it is no physical function, or the kernel has no PCI_IOV. */
export const totalVirtualFunctions = (device: PciDevice): number => Number(readText(`${device.dir}/sriov_totalvfs`) ?? 0)

/** The virtual functions that a physical one has switched on, in their order. */
export const virtualFunctions = (physical: PciDevice): readonly PciDevice[] =>
  namesIn(physical.dir)
    .flatMap((name) => (/^virtfn\d+$/.test(name) ? [{ index: Number(name.slice('virtfn'.length)), bdf: linkName(`${physical.dir}/${name}`) }] : []))
    .sort((one, other) => one.index - other.index)
    .flatMap(({ bdf }) => (bdf === undefined ? [] : [new PciDevice(bdf, physical.kind)]))

/**
 * Switches so many virtual functions on, or with 0 all of them off: that takes the kernel a second. The driver of the physical function must
 * allow it. Throws Errno (Documentation/ABI/testing/sysfs-bus-pci, sriov_numvfs).
 */
export const setVirtualFunctions = async (physical: PciDevice, count: number): Promise<void> => {
  await writeTextAside(`${physical.dir}/sriov_numvfs`, count.toString())
}
