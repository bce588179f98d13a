import { Failed } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { VfioCdev } from './vfio-cdev.ts'

/** Who takes down what is opened here: the case's context. */
interface Owner {
  readonly use: <T extends Disposable>(resource: T) => T
  readonly device: () => PciDevice
}

export interface BoundCdev {
  readonly iommu: IommuFd
  readonly cdev: VfioCdev
  /** Its id in that iommufd context. */
  readonly deviceId: number
}

/** The device's cdev, opened; a device without one is the kernel's fault where the plan says that it has one. */
export const openCdev = (lab: Owner, device: PciDevice = lab.device()): VfioCdev => {
  const node = device.cdevNode
  if (node === undefined) throw new Failed(`${device.toString()} has no node in /dev/vfio/devices`)
  return lab.use(VfioCdev.open(node))
}

/** A device opened through its cdev and bound to an iommufd context, a new one unless given. */
export const bindCdev = (lab: Owner, device: PciDevice = lab.device(), iommu: IommuFd = lab.use(IommuFd.open())): BoundCdev => {
  const cdev = openCdev(lab, device)
  return { iommu, cdev, deviceId: cdev.bind(iommu) }
}
