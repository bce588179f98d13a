import { Fd } from '../sys/fd.ts'
import { ioctl, type IoctlArgument } from '../sys/ioctl.ts'
import type { IoctlName } from '../uapi/ioctls.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { MapSource } from '../iommufd/ioas.ts'
import { infoCapabilities, type InfoCapability } from './info-capability.ts'

/**
 * An open /dev/vfio/vfio, or a /dev/iommu that answers the same ioctls (linux/vfio.h, container and type1).
 * Every method throws Errno.
 */
export class Container implements Disposable {
  readonly fd: Fd

  constructor(fd: Fd) {
    this.fd = fd
  }

  static open(path: '/dev/vfio/vfio' | '/dev/iommu' = '/dev/vfio/vfio'): Container {
    return new Container(Fd.open(path))
  }

  ioctl(name: IoctlName, argument?: IoctlArgument): number {
    return ioctl(this.fd, name, argument)
  }

  apiVersion(): number {
    return this.ioctl('VFIO_GET_API_VERSION')
  }

  /** What the kernel answers: 0 is no. */
  checkExtension(extension: number): number {
    return this.ioctl('VFIO_CHECK_EXTENSION', extension)
  }

  /** VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU or VFIO_NOIOMMU_IOMMU. */
  setIommu(type: number): void {
    this.ioctl('VFIO_SET_IOMMU', type)
  }

  info(): { readonly flags: number; readonly pageSizes: bigint; readonly capabilities: readonly InfoCapability[] } {
    const ask = (tail: number) => {
      const answer = vfioStructs.iommuType1Info.make({}, { tail })
      this.ioctl('VFIO_IOMMU_GET_INFO', answer)
      return answer
    }
    const short = ask(0)
    const more = short.get('argsz') - short.layout.size
    const answer = more > 0 ? ask(more) : short
    return {
      flags: answer.get('flags'),
      pageSizes: answer.get('iova_pgsizes'),
      capabilities: infoCapabilities(answer.bytes, answer.get('cap_offset')),
    }
  }

  /** Maps memory at this IOVA; `flags` are VFIO_DMA_MAP_FLAG_*, readable and writable when missing. */
  mapDma(source: MapSource, iova: bigint, flags?: number): void {
    this.ioctl('VFIO_IOMMU_MAP_DMA', mapDmaRequest(source, iova, flags))
  }

  /** Unmaps; returns how many bytes that were. */
  unmapDma(iova: bigint, size: number | bigint, flags = 0): bigint {
    const request = unmapDmaRequest(iova, size, flags)
    this.ioctl('VFIO_IOMMU_UNMAP_DMA', request)
    return request.get('size')
  }

  close(): void {
    this.fd.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** What asks for a mapping, for whoever makes the call. */
export const mapDmaRequest = ({ address, length }: MapSource, iova: bigint, flags: number = VFIO.VFIO_DMA_MAP_FLAG_READ | VFIO.VFIO_DMA_MAP_FLAG_WRITE) =>
  vfioStructs.iommuType1DmaMap.make({ flags, vaddr: address, iova, size: BigInt(length) })

export const unmapDmaRequest = (iova: bigint, size: number | bigint, flags = 0) =>
  vfioStructs.iommuType1DmaUnmap.make({ flags, iova, size: BigInt(size) })
