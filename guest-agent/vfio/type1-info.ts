import { Failed } from '../case/expect.ts'
import type { IovaRange } from '../iommufd/ioas.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { Container } from './container.ts'
import type { InfoCapability } from './info-capability.ts'

/** One capability of VFIO_IOMMU_GET_INFO by its id. */
export const containerCapability = (container: Container, id: number): InfoCapability => {
  const { capabilities } = container.info()
  const found = capabilities.find((capability) => capability.id === id)
  if (found === undefined) throw new Failed(`VFIO_IOMMU_GET_INFO tells no capability ${id}, only ${capabilities.map((each) => each.id).join(', ')}`)
  return found
}

/** How many more mappings the container takes (struct vfio_iommu_type1_info_dma_avail). */
export const dmaAvailable = (container: Container): number =>
  u32(containerCapability(container, VFIO.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL).data, 0)

/** What may be mapped (struct vfio_iommu_type1_info_cap_iova_range). */
export const containerIovaRanges = (container: Container): readonly IovaRange[] => {
  const { data } = containerCapability(container, VFIO.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
  return Array.from({ length: u32(data, 0) }, (_, index) => {
    const range = vfioStructs.iovaRange.at(data, 8 + index * vfioStructs.iovaRange.size)
    return { start: range.get('start'), last: range.get('end') }
  })
}

const u32 = (bytes: Uint8Array, offset: number): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true)
