import { basename, extname, join } from 'node:path'
import type { ServedDevice } from '../machine/slot-args.ts'
import type { DeviceServerSpec } from '../vm/running-vm.ts'

/** The program that plays a vfio-user-dma. */
const VFIO_USER_DMA = join(import.meta.dirname, '..', '..', 'images', 'devices', 'vfio-user-dma', 'device.ts')

/** What plays a device of a machine. Its name, `device2-adder`, is part of a file's name. */
export const deviceProgram = ({ id, bus, device }: ServedDevice): DeviceServerSpec => {
  switch (device.kind) {
    case 'vfio-user-dma': return { name: `${id}-${device.kind}`, file: VFIO_USER_DMA, options: device.options, id, bus }
    case 'vfio-user': {
      const word = basename(device.file, extname(device.file)).replaceAll(/[^\w.-]/g, '_').slice(0, 64)
      return { name: `${id}-${word}`, file: device.file, options: device.options, id, bus }
    }
  }
}
