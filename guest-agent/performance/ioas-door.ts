import { equal } from '../case/expect.ts'
import { copyRequest, mapRequest, unmapRequest, type Ioas } from '../iommufd/ioas.ts'
import { pinnedKb } from '../sys/locked-memory.ts'
import { timedIoctl } from '../sys/timed-ioctl.ts'
import { COPY_IOVA, type DmaDoor, IOVA, type MappingCalls } from './dma-door.ts'
import { cheapCall } from './cheap-call.ts'

/** IOMMU_IOAS_MAP, UNMAP and COPY. @param copies where the copy goes: another IOAS, or the same */
export const ioasDoor = (ioas: Ioas, copies: Ioas): Pick<DmaDoor, 'call' | 'calls' | 'pinnedKb'> => {
  const { fd } = ioas.iommu
  const unmapping = (of: Ioas, iova: bigint, length: bigint) => {
    const request = unmapRequest(of.id, iova, length)
    return (): number => {
      // The answer stands where the question was.
      const ns = timedIoctl(fd, 'IOMMU_IOAS_UNMAP', request.set('length', length))
      equal(request.get('length'), length, 'bytes that IOMMU_IOAS_UNMAP unmapped')
      return ns
    }
  }
  return {
    call: cheapCall(fd),
    pinnedKb,
    calls: ({ address, length }): MappingCalls => {
      const bytes = BigInt(length)
      const map = mapRequest(ioas.id, { address, length }, { iova: IOVA })
      const copy = copyRequest(copies.id, ioas.id, { from: IOVA, length: bytes, iova: COPY_IOVA })
      return {
        map: () => timedIoctl(fd, 'IOMMU_IOAS_MAP', map),
        unmap: unmapping(ioas, IOVA, bytes),
        copy: { map: () => timedIoctl(fd, 'IOMMU_IOAS_COPY', copy), unmap: unmapping(copies, COPY_IOVA, bytes) },
      }
    },
  }
}
