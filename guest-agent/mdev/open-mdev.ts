import type { CaseContext } from '../case/case-context.ts'
import { Failed } from '../case/expect.ts'
import type { Ioas } from '../iommufd/ioas.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'
import { VfioCdev } from '../vfio/vfio-cdev.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'
import type { Mdev } from './mdev.ts'
import { MdevType, type MdevParent } from './mdev-type.ts'

/** A kernel in which a mediated device can be opened at all, by whichever door. */
export const ANY_DOOR = 'VFIO_DEVICE_CDEV|VFIO_GROUP'

interface OpenMdevCdev {
  readonly iommu: IommuFd
  readonly cdev: VfioCdev
  /** Its id in that iommufd context. */
  readonly deviceId: number
}

interface OpenMdevGroup {
  readonly container: Container
  readonly group: VfioGroup
  readonly device: VfioDevice
}

/** A new device of the parent's type `mtty-1`; it is removed when the case ends, after what was opened of it later is closed. */
export const createMdev = (lab: CaseContext, parent: MdevParent, type: string): Mdev => lab.use(new MdevType(parent, `${parent}-${type}`).create())

/** A new device, opened through its cdev where the kernel has those, otherwise through its group. */
export const openNewMdev = (lab: CaseContext, parent: MdevParent, type: string): VfioDevice => openMdev(lab, createMdev(lab, parent, type))

export const openMdev = (lab: CaseContext, mdev: Mdev): VfioDevice =>
  lab.config('VFIO_DEVICE_CDEV') ? bindMdev(lab, mdev).cdev : openMdevGroup(lab, mdev).device

/** A device opened through its cdev and bound to an iommufd context, a new one unless given; attached to nothing. */
export const bindMdev = (lab: CaseContext, mdev: Mdev, iommu: IommuFd = lab.use(IommuFd.open())): OpenMdevCdev => {
  const cdev = lab.use(VfioCdev.open(mdev.cdevNode ?? missing(mdev, 'cdev')))
  return { iommu, cdev, deviceId: cdev.bind(iommu) }
}

/** The same, attached to a new IOAS. */
export const attachMdev = (lab: CaseContext, mdev: Mdev): OpenMdevCdev & { readonly ioas: Ioas } => {
  const open = bindMdev(lab, mdev)
  const ioas = open.iommu.ioasAlloc()
  open.cdev.attach(ioas.id)
  return { ...open, ioas }
}

/** Group, container of type1v2, device. The container is VFIO's or an iommufd. */
export const openMdevGroup = (
  lab: CaseContext,
  mdev: Mdev,
  { path = lab.config('VFIO_CONTAINER') ? '/dev/vfio/vfio' : '/dev/iommu' }: { readonly path?: '/dev/vfio/vfio' | '/dev/iommu' } = {},
): OpenMdevGroup => {
  const container = lab.use(Container.open(path))
  const group = lab.use(VfioGroup.open(mdev.groupNode ?? missing(mdev, 'group')))
  group.setContainer(container)
  container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
  return { container, group, device: lab.use(group.device(mdev.uuid)) }
}

const missing = (mdev: Mdev, node: string): never => {
  throw new Failed(`${mdev.toString()} has no ${node} node`)
}
