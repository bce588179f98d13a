import { catalogueOf, type Case } from '../case/define-case.ts'
import { nodes } from './nodes.ts'
import { groupOpen } from './group-open.ts'
import { groupStatus } from './group-status.ts'
import { groupContainer } from './group-container.ts'
import { groupDevice } from './group-device.ts'
import { groupNoiommu } from './group-noiommu.ts'
import { containerExtensions } from './container-extensions.ts'
import { containerSetIommu } from './container-set-iommu.ts'
import { containerType1Info } from './container-type1-info.ts'
import { containerType1Map } from './container-type1-map.ts'
import { containerType1Unmap } from './container-type1-unmap.ts'
import { containerType1Vaddr } from './container-type1-vaddr.ts'
import { containerType1Dirty } from './container-type1-dirty.ts'
import { containerType1Groups } from './container-type1-groups.ts'
import { containerIommufd } from './container-iommufd.ts'

/** Every case there is. Importing a suite does nothing but describe its cases. */
export const catalogue: readonly Case[] = catalogueOf([
  ...nodes,
  ...groupOpen,
  ...groupStatus,
  ...groupContainer,
  ...groupDevice,
  ...groupNoiommu,
  ...containerExtensions,
  ...containerSetIommu,
  ...containerType1Info,
  ...containerType1Map,
  ...containerType1Unmap,
  ...containerType1Vaddr,
  ...containerType1Dirty,
  ...containerType1Groups,
  ...containerIommufd,
])
