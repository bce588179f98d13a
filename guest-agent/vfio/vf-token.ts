import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { attachGroup } from './attached-group.ts'
import { openCdev } from './bound-cdev.ts'
import { containerDmaSpace, ioasDmaSpace, physicalDmaSpace, physicalIoasDmaSpace } from './dma-space.ts'
import type { OpenDevice } from './open-device.ts'

/** A device that is open. */
export interface TokenDevice extends OpenDevice {
  /** Gives it back before the case ends. */
  readonly close: () => void
}

/**
 * A way to open a function of an SR-IOV device that takes a token (a UUID) or none. A refusal throws Errno and holds nothing.
 * Each function is in an address space of its own.
 */
export interface TokenDoor {
  readonly open: (pci: PciDevice, token?: string) => TokenDevice
}

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

const hasContainer = (lab: CaseContext): boolean => lab.config('VFIO_CONTAINER') || lab.config('IOMMUFD_VFIO_CONTAINER')

const cdevDoor = (lab: CaseContext): TokenDoor => ({
  open: (pci, token) => {
    const device = openCdev(lab, pci)
    try {
      const iommu = lab.use(IommuFd.open())
      device.bind(iommu, token === undefined ? {} : { token: uuidBytes(token) })
      const ioas = iommu.ioasAlloc()
      device.attach(ioas.id)
      return { pci, device, dma: lab.hasIommu ? ioasDmaSpace(ioas) : physicalIoasDmaSpace(ioas), close: () => { device.close() } }
    } catch (error) {
      device.close()
      throw error
    }
  },
})

const groupDoor = (lab: CaseContext): TokenDoor => ({
  open: (pci, token) => {
    const { group, container } = attachGroup(lab, { pci })
    try {
      const device = lab.use(group.device(token === undefined ? pci.bdf : `${pci.bdf} vf_token=${token}`))
      const close = () => {
        device.close()
        group.close()
      }
      return { pci, device, dma: lab.hasIommu ? containerDmaSpace(container) : physicalDmaSpace(), close }
    } catch (error) {
      group.close()
      throw error
    }
  },
})
