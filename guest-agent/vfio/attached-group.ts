import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from './container.ts'
import { VfioGroup } from './vfio-group.ts'

export type ContainerPath = '/dev/vfio/vfio' | '/dev/iommu'

export interface AttachedGroup {
  readonly pci: PciDevice
  readonly group: VfioGroup
  readonly container: Container
}

/** The device's group node; a device without one is the kernel's fault where the plan says that it has one. */
export const groupPath = (pci: PciDevice): string => {
  const path = pci.groupNode
  if (path === undefined) throw new Failed(`${pci.toString()} has no group node in /dev/vfio`)
  return path
}

export const openGroup = (lab: CaseContext, pci: PciDevice = lab.device()): VfioGroup => lab.use(VfioGroup.open(groupPath(pci)))

/**
 * A group in a container with an IOMMU, no device opened: type1 attaches its domain to the group right away, iommufd only
 * when a device of the group is opened.
 */
export const attachGroup = (
  lab: CaseContext,
  { pci = lab.device(), path = '/dev/vfio/vfio', iommuType = lab.hasIommu ? VFIO.VFIO_TYPE1v2_IOMMU : VFIO.VFIO_NOIOMMU_IOMMU }:
  { readonly pci?: PciDevice; readonly path?: ContainerPath; readonly iommuType?: number } = {},
): AttachedGroup => {
  const container = lab.use(Container.open(path))
  const group = openGroup(lab, pci)
  group.setContainer(container)
  container.setIommu(iommuType)
  return { pci, group, container }
}

/** Does this kernel have a /dev/vfio/vfio, whoever serves it? */
export const hasContainer = (lab: CaseContext): boolean => lab.config('VFIO_CONTAINER') || lab.config('IOMMUFD_VFIO_CONTAINER')

/** The container that iommufd answers for: its own /dev/vfio/vfio where the kernel has it so, otherwise /dev/iommu itself. */
export const compatPath = (lab: CaseContext): ContainerPath => (lab.config('IOMMUFD_VFIO_CONTAINER') ? '/dev/vfio/vfio' : '/dev/iommu')
