import type { IommuFd } from '../iommufd/iommu-fd.ts'
import type { VfioCdev } from '../vfio/vfio-cdev.ts'
import type { DeviceFacts } from './bound-device.ts'
import { EVERYTHING, gaps } from './ranges.ts'

/** Asks the kernel what a bound device brings into an IOAS, by a page table and an attach that are taken back. */
export const deviceFacts = (iommu: IommuFd, cdev: VfioCdev, id: number): DeviceFacts => {
  const ioas = iommu.ioasAlloc()
  const hwpt = iommu.hwptAlloc({ deviceId: id, ptId: ioas.id })
  const { ranges, alignment } = ioas.ranges()
  cdev.attach(hwpt)
  const attached = ioas.ranges().ranges
  cdev.detach()
  iommu.destroy(hwpt)
  ioas.destroy()
  return { id, alignment, unreachable: gaps(ranges, EVERYTHING), reserved: ranges.flatMap((range) => gaps(attached, range)) }
}
