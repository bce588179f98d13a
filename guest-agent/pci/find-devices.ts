import type { DeviceKind } from '../protocol.ts'
import { namesIn, readText } from '../sys/text-file.ts'
import { PciDevice, barsOf } from './pci-device.ts'

const DEVICES = '/sys/bus/pci/devices'

/** The lab's devices on this machine, by address. */
export const findDevices = (): readonly PciDevice[] =>
  namesIn(DEVICES).flatMap((bdf) => {
    const kind = kindOf(`${DEVICES}/${bdf}`)
    return kind === undefined ? [] : [new PciDevice(bdf, kind)]
  })

/** pci-testdev and iommu-testdev share 1b36:0005; only the first has an I/O BAR. */
const kindOf = (dir: string): DeviceKind | undefined => {
  switch (`${readText(`${dir}/vendor`) ?? ''}:${readText(`${dir}/device`) ?? ''}`) {
    case '0x1234:0x11e8': return 'edu'
    case '0x1b36:0x0005': return barsOf(dir).some(({ io }) => io) ? 'pci-testdev' : 'iommu-testdev'
    default: return undefined
  }
}
