import { Fd } from '../sys/fd.ts'
import { addressOf } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { VfioDevice } from './vfio-device.ts'

/** A device opened as /dev/vfio/devices/vfioN; until it is bound to an iommufd nothing else works on it. */
export class VfioCdev extends VfioDevice {
  static open(path: string): VfioCdev {
    return new VfioCdev(Fd.open(path))
  }

  /** Binds it, with a token (16 bytes) if it is a function of an SR-IOV device that wants one; returns its id in that iommufd context. */
  bind(iommu: { readonly fd: Fd }, { token }: { readonly token?: Uint8Array } = {}): number {
    const request = vfioStructs.deviceBindIommufd.make({
      iommufd: iommu.fd.number,
      ...(token === undefined ? {} : { flags: VFIO.VFIO_DEVICE_BIND_FLAG_TOKEN, token_uuid_ptr: addressOf(token) }),
    })
    this.ioctl('VFIO_DEVICE_BIND_IOMMUFD', request)
    return request.get('out_devid')
  }

  /** Attaches it, or one of its PASIDs, to an IOAS or HWPT, or replaces what it is attached to; returns the id of what it is attached to now. */
  attach(ptId: number, { pasid }: { readonly pasid?: number } = {}): number {
    const request = vfioStructs.deviceAttachIommufdPt.make({ pt_id: ptId, ...(pasid === undefined ? {} : { flags: VFIO.VFIO_DEVICE_ATTACH_PASID, pasid }) })
    this.ioctl('VFIO_DEVICE_ATTACH_IOMMUFD_PT', request)
    return request.get('pt_id')
  }

  detach(flags = 0): void {
    this.ioctl('VFIO_DEVICE_DETACH_IOMMUFD_PT', vfioStructs.deviceDetachIommufdPt.make({ flags }))
  }
}
