import { Fd } from '../sys/fd.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { int32s, type VfioDevice } from '../vfio/vfio-device.ts'

const { VFIO_GFX_PLANE_TYPE_PROBE } = VFIO

/** include/uapi/drm/drm_mode.h */
export const PLANE_PRIMARY = 1
export const PLANE_CURSOR = 2
/** fourcc XR24 (include/uapi/drm/drm_fourcc.h): four bytes a pixel, the last one unused. */
export const XRGB8888 = 0x3432_5258

interface GfxPlane {
  readonly format: number
  readonly width: number
  readonly height: number
  /** Bytes from one line to the next. */
  readonly stride: number
  readonly size: number
  /** The region that has the picture, or the id of the dma-buf. */
  readonly where: number
}

/** Does the device show its picture in this way (VFIO_GFX_PLANE_TYPE_*)? No is EINVAL. */
export const probeGfxPlane = (device: VfioDevice, type: number): void => {
  device.ioctl('VFIO_DEVICE_QUERY_GFX_PLANE', vfioStructs.deviceGfxPlaneInfo.make({ flags: VFIO_GFX_PLANE_TYPE_PROBE | type }))
}

/** What the device shows on its plane; a plane that is off has no format and no size. */
export const queryGfxPlane = (device: VfioDevice, type: number, plane = PLANE_PRIMARY): GfxPlane => {
  const answer = vfioStructs.deviceGfxPlaneInfo.make({ flags: type, drm_plane_type: plane })
  device.ioctl('VFIO_DEVICE_QUERY_GFX_PLANE', answer)
  return {
    format: answer.get('drm_format'),
    width: answer.get('width'),
    height: answer.get('height'),
    stride: answer.get('stride'),
    size: answer.get('size'),
    where: answer.get('region_index'),
  }
}

/**
 * A plane's picture as a dma-buf; the descriptor is the caller's. Once a picture: mbochs of Linux 7.3 counts no reference for a second descriptor
 * while the first one is open, and gives its pages back twice when it exports them again.
 */
export const gfxDmaBuf = (device: VfioDevice, id: number): Fd => new Fd(device.ioctl('VFIO_DEVICE_GET_GFX_DMABUF', int32s([id])), `dma-buf ${id}`)

/** Bytes of a dma-buf, as its fdinfo tells; 0 when it does not. */
export const dmaBufSize = (buffer: Fd): number => Number(/^size:\s+(\d+)$/m.exec(readText(`/proc/self/fdinfo/${buffer.number}`) ?? '')?.[1] ?? 0)
