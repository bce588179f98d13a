import { Fd } from '../sys/fd.ts'
import { ioctl, type IoctlArgument } from '../sys/ioctl.ts'
import { addressOf } from '../sys/memory.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import type { IoctlName } from '../uapi/ioctls.ts'
import { Ioas } from './ioas.ts'

export interface HwptRequest {
  readonly deviceId: number
  /** An IOAS, a parent HWPT or a vIOMMU. */
  readonly ptId: number
  readonly flags?: number
  readonly faultId?: number
  readonly dataType?: number
  readonly data?: Uint8Array
}

export interface HwInfo {
  /** IOMMU_HW_INFO_TYPE_* */
  readonly type: number
  /** IOMMU_HW_CAP_* */
  readonly capabilities: bigint
  readonly maxPasidLog2: number
  /** How many bytes the kernel has to say; `data` holds at most as many as were asked for. */
  readonly dataLength: number
  readonly data: Uint8Array
}

/** An open /dev/iommu (linux/iommufd.h): the context that owns IOASes, HWPTs and bound devices. Every method throws Errno. */
export class IommuFd implements Disposable {
  readonly fd: Fd

  constructor(fd: Fd) {
    this.fd = fd
  }

  static open(): IommuFd {
    return new IommuFd(Fd.open('/dev/iommu'))
  }

  /** Any ioctl on it, for what the methods here would not send. */
  ioctl(name: IoctlName, argument?: IoctlArgument): number {
    return ioctl(this.fd, name, argument)
  }

  ioasAlloc(flags = 0): Ioas {
    const request = iommufdStructs.ioasAlloc.make({ flags })
    this.ioctl('IOMMU_IOAS_ALLOC', request)
    return new Ioas(this, request.get('out_ioas_id'))
  }

  destroy(id: number): void {
    this.ioctl('IOMMU_DESTROY', iommufdStructs.destroy.make({ id }))
  }

  /** Id of a new hardware page table. */
  hwptAlloc({ deviceId, ptId, flags = 0, faultId = 0, dataType = 0, data = new Uint8Array() }: HwptRequest): number {
    const request = iommufdStructs.hwptAlloc.make({
      dev_id: deviceId,
      pt_id: ptId,
      flags,
      ...(faultId === 0 ? {} : { fault_id: faultId }),
      ...(data.byteLength === 0 && dataType === 0
        ? {}
        : { data_type: dataType, data_len: data.byteLength, data_uptr: data.byteLength === 0 ? 0n : addressOf(data) }),
    })
    this.ioctl('IOMMU_HWPT_ALLOC', request)
    return request.get('out_hwpt_id')
  }

  hwInfo(deviceId: number, options: { readonly dataBytes?: number; readonly flags?: number } = {}): HwInfo {
    const data = new Uint8Array(new ArrayBuffer(options.dataBytes ?? 64))
    const request = iommufdStructs.hwInfo.make({
      dev_id: deviceId,
      flags: options.flags ?? 0,
      data_len: data.byteLength,
      data_uptr: data.byteLength === 0 ? 0n : addressOf(data),
    })
    this.ioctl('IOMMU_GET_HW_INFO', request)
    return {
      type: request.get('out_data_type'),
      capabilities: request.get('out_capabilities'),
      maxPasidLog2: request.get('out_max_pasid_log2'),
      dataLength: request.get('data_len'),
      data,
    }
  }

  getOption(option: number, objectId = 0): bigint {
    const request = iommufdStructs.option.make({ option_id: option, op: IOMMUFD.IOMMU_OPTION_OP_GET, object_id: objectId })
    this.ioctl('IOMMU_OPTION', request)
    return request.get('val64')
  }

  setOption(option: number, value: bigint, objectId = 0): void {
    this.ioctl('IOMMU_OPTION', iommufdStructs.option.make({
      option_id: option, op: IOMMUFD.IOMMU_OPTION_OP_SET, object_id: objectId, val64: value,
    }))
  }

  /** The IOAS that the compat ioctls of this context work on. */
  getVfioIoas(): number {
    const request = iommufdStructs.vfioIoas.make({ op: IOMMUFD.IOMMU_VFIO_IOAS_GET })
    this.ioctl('IOMMU_VFIO_IOAS', request)
    return request.get('ioas_id')
  }

  setVfioIoas(ioasId: number): void {
    this.ioctl('IOMMU_VFIO_IOAS', iommufdStructs.vfioIoas.make({ op: IOMMUFD.IOMMU_VFIO_IOAS_SET, ioas_id: ioasId }))
  }

  clearVfioIoas(): void {
    this.ioctl('IOMMU_VFIO_IOAS', iommufdStructs.vfioIoas.make({ op: IOMMUFD.IOMMU_VFIO_IOAS_CLEAR }))
  }

  /** A queue of I/O page faults; its descriptor is the caller's. */
  faultQueueAlloc(flags = 0): { readonly id: number; readonly fd: Fd } {
    const request = iommufdStructs.faultAlloc.make({ flags })
    this.ioctl('IOMMU_FAULT_QUEUE_ALLOC', request)
    return { id: request.get('out_fault_id'), fd: new Fd(request.get('out_fault_fd'), 'fault queue') }
  }

  close(): void {
    this.fd.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
