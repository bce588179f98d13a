import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from './container.ts'
import { containerDmaSpace, ioasDmaSpace, physicalDmaSpace, physicalIoasDmaSpace, type DmaSpace } from './dma-space.ts'
import { VfioCdev } from './vfio-cdev.ts'
import type { VfioDevice } from './vfio-device.ts'
import { VfioGroup } from './vfio-group.ts'

/** A device ready for use, and the memory that it can reach. */
export interface OpenDevice {
  readonly pci: PciDevice
  readonly device: VfioDevice
  readonly dma: DmaSpace
}

export interface OpenCdev extends OpenDevice {
  readonly device: VfioCdev
  readonly iommu: IommuFd
  readonly ioas: Ioas
  /** Its id in the iommufd context. */
  readonly deviceId: number
  /** The HWPT that the attachment to the IOAS made, or the IOAS itself. */
  readonly ptId: number
}

export interface OpenGroup extends OpenDevice {
  readonly group: VfioGroup
  readonly container: Container
}

/** Through the cdev when the device has one, otherwise through its group. All of it is closed when the case ends. */
export const openAnyDevice = (lab: CaseContext, pci: PciDevice): OpenDevice =>
  pci.cdevNode === undefined ? openThroughGroup(lab, pci) : openThroughCdev(lab, pci)

/** cdev, iommufd, one IOAS to which it is attached. */
export const openThroughCdev = (lab: CaseContext, pci: PciDevice): OpenCdev => {
  const iommu = lab.use(IommuFd.open())
  const device = lab.use(VfioCdev.open(pci.cdevNode ?? missing(pci, 'cdev')))
  const deviceId = device.bind(iommu)
  const ioas = iommu.ioasAlloc()
  const ptId = device.attach(ioas.id)
  return { pci, device, iommu, ioas, deviceId, ptId, dma: lab.translates(pci) ? ioasDmaSpace(ioas) : physicalIoasDmaSpace(ioas) }
}

/** Group, container of this type (type1v2, or noiommu where there is no IOMMU), device. */
export const openThroughGroup = (
  lab: CaseContext,
  pci: PciDevice,
  options: { readonly iommuType?: number; readonly container?: '/dev/vfio/vfio' | '/dev/iommu' } = {},
): OpenGroup => {
  const container = lab.use(Container.open(options.container))
  const group = lab.use(VfioGroup.open(pci.groupNode ?? missing(pci, 'group')))
  group.setContainer(container)
  container.setIommu(options.iommuType ?? (lab.translates(pci) ? VFIO.VFIO_TYPE1v2_IOMMU : VFIO.VFIO_NOIOMMU_IOMMU))
  const device = lab.use(group.device(pci.bdf))
  return { pci, device, group, container, dma: lab.translates(pci) ? containerDmaSpace(container) : physicalDmaSpace() }
}

const missing = (pci: PciDevice, node: string): never => {
  throw new Failed(`${pci.toString()} has no ${node} node`)
}
