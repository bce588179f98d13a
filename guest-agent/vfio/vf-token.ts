import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { attachGroup, type AttachedGroup, hasContainer } from './attached-group.ts'
import { openCdev } from './bound-cdev.ts'
import { containerDmaSpace, ioasDmaSpace, physicalDmaSpace, physicalIoasDmaSpace } from './dma-space.ts'
import type { OpenDevice } from './open-device.ts'

/**
 * Opens a function of an SR-IOV device by one of VFIO's doors, with a token (a UUID) or without. A refusal throws Errno and leaves no device open.
 * Each function is in an address space of its own.
 */
export type TokenDoor = (pci: PciDevice, token?: string) => OpenDevice

/** Every door that this cell has. */
export const tokenDoors = (lab: CaseContext): readonly TokenDoor[] => {
  const group = lab.config('VFIO_GROUP') && (lab.hasIommu || lab.config('VFIO_NOIOMMU'))
  return [...(lab.hasCdev && lab.defines('VFIO_DEVICE_BIND_FLAG_TOKEN') ? [cdevDoor(lab)] : []), ...(group && hasContainer(lab) ? [groupDoor(lab)] : [])]
}

/** The sixteen bytes of a UUID, in the order in which they are written. */
export const uuidBytes = (uuid: string): Uint8Array<ArrayBuffer> => {
  const digits = uuid.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/.test(digits)) throw new Failed(`${uuid} is no UUID`)
  return Uint8Array.from({ length: 16 }, (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16))
}

const cdevDoor = (lab: CaseContext): TokenDoor => (pci, token) => {
  const device = openCdev(lab, pci)
  try {
    const iommu = lab.use(IommuFd.open())
    device.bind(iommu, token === undefined ? {} : { token: uuidBytes(token) })
    const ioas = iommu.ioasAlloc()
    device.attach(ioas.id)
    return { pci, device, dma: lab.hasIommu ? ioasDmaSpace(ioas) : physicalIoasDmaSpace(ioas) }
  } catch (error) {
    device.close()
    throw error
  }
}

/** A group is opened once, its devices as often as one likes. */
const groupDoor = (lab: CaseContext): TokenDoor => {
  const attached = new Map<PciDevice, AttachedGroup>()
  return (pci, token) => {
    const own = attached.get(pci) ?? attachGroup(lab, { pci })
    attached.set(pci, own)
    const device = lab.use(own.group.device(token === undefined ? pci.bdf : `${pci.bdf} vf_token=${token}`))
    return { pci, device, dma: lab.hasIommu ? containerDmaSpace(own.container) : physicalDmaSpace() }
  }
}
