import { equal } from '../case/expect.ts'
import { timedIoctl } from '../sys/timed-ioctl.ts'
import { type Container, mapDmaRequest, unmapDmaRequest } from '../vfio/container.ts'
import { cheapCall } from './cheap-call.ts'
import { type DmaDoor, IOVA, type MappingCalls } from './dma-door.ts'

/** VFIO_IOMMU_MAP_DMA and UNMAP_DMA. */
export const containerDoor = ({ fd }: Container): Pick<DmaDoor, 'call' | 'calls'> => ({
  call: cheapCall(fd),
  calls: ({ address, length }): MappingCalls => {
    const size = BigInt(length)
    const map = mapDmaRequest({ address, length }, IOVA)
    const unmap = unmapDmaRequest(IOVA, size)
    return {
      map: () => timedIoctl(fd, 'VFIO_IOMMU_MAP_DMA', map),
      unmap: () => {
        // The answer stands where the question was.
        const ns = timedIoctl(fd, 'VFIO_IOMMU_UNMAP_DMA', unmap.set('size', size))
        equal(unmap.get('size'), size, 'bytes that VFIO_IOMMU_UNMAP_DMA unmapped')
        return ns
      },
    }
  },
})
