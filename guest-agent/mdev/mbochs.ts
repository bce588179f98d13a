import { Errno } from '../sys/errno.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'
import { queryGfxPlane } from './gfx-plane.ts'

const REGISTERS = VFIO.VFIO_PCI_BAR2_REGION_INDEX
/** The Bochs display interface in the register BAR, 16 bits each. */
const DISPLAY = 0x500
const X_RESOLUTION = 1
const Y_RESOLUTION = 2
const BITS_PER_PIXEL = 3
const ENABLE = 4
const X_OFFSET = 8
const Y_OFFSET = 9
const ENABLED = 1

export interface DisplayMode {
  readonly width: number
  readonly height: number
  readonly bitsPerPixel?: number
  /** First pixel and line that is shown. */
  readonly x?: number
  readonly y?: number
}

/** Identity and memory of the display: 0xb0c5, and its size in pieces of 64 KiB. */
export const displayIdentity = (device: VfioDevice): readonly [number, number] => [device.read(REGISTERS, DISPLAY, 2), device.read(REGISTERS, DISPLAY + 2 * 0xa, 2)]

export const showMode = (device: VfioDevice, { width, height, bitsPerPixel = 32, x = 0, y = 0 }: DisplayMode): void => {
  const write = (register: number, value: number): void => { device.write(REGISTERS, DISPLAY + 2 * register, 2, value) }
  write(X_RESOLUTION, width)
  write(Y_RESOLUTION, height)
  write(BITS_PER_PIXEL, bitsPerPixel)
  write(X_OFFSET, x)
  write(Y_OFFSET, y)
  write(ENABLE, ENABLED)
}

export const hide = (device: VfioDevice): void => {
  device.write(REGISTERS, DISPLAY + 2 * ENABLE, 2, 0)
}

/**
 * What it shows. mbochs of Linux 7.3 and before says ENOMEM when it is asked for a mode for the first time, although it has just made the buffer
 * for it (mbochs_query_gfx_plane); asked again it answers.
 */
export const shownPlane = (device: VfioDevice): ReturnType<typeof queryGfxPlane> => {
  const ask = () => queryGfxPlane(device, VFIO.VFIO_GFX_PLANE_TYPE_DMABUF)
  try {
    return ask()
  } catch (error) {
    if (!(error instanceof Errno && error.code === 'ENOMEM')) throw error
    return ask()
  }
}
