import { type DeviceKind, FIRST_BYPASSING_BUS } from '../protocol.ts'
import { namesIn, readText } from '../sys/text-file.ts'
import { pciAddress } from './pci-address.ts'
import { PciDevice, barsOf } from './pci-device.ts'

const DEVICES = '/sys/bus/pci/devices'

/** The lab's devices on this machine, by address. */
export const findDevices = (): readonly PciDevice[] =>
  namesIn(DEVICES).flatMap((bdf) => {
    const kind = kindOf(`${DEVICES}/${bdf}`)
    return kind === undefined ? [] : [new PciDevice(bdf, kind)]
  })

/** Does it stand on the root bus that the machine's IOMMU does not see? */
export const bypassesIommu = ({ bdf }: PciDevice): boolean => pciAddress(bdf).bus >= FIRST_BYPASSING_BUS

/** pci-testdev and iommu-testdev share 1b36:0005; only the first has an I/O BAR. */
const kindOf = (dir: string): DeviceKind | undefined => {
  switch (`${readText(`${dir}/vendor`) ?? ''}:${readText(`${dir}/device`) ?? ''}`) {
    case '0x1234:0x11e8': return 'edu'
    case '0x1b36:0x0005': return barsOf(dir).some(({ io }) => io) ? 'pci-testdev' : 'iommu-testdev'
    case '0x1234:0x11e9': return 'pcie-ats-testdev'
    default: return undefined
  }
}
