import { type CellFacts, type DeviceKind, FIRST_BYPASSING_BUS } from '../protocol.ts'
import { namesIn, readText } from '../sys/text-file.ts'
import { pciAddress, rootPortAt } from './pci-address.ts'
import { PciDevice, barsOf, portOf } from './pci-device.ts'

const DEVICES = '/sys/bus/pci/devices'

/** The lab's devices on this machine, in the order of the machine's kinds, those of one kind by address. */
export const findDevices = ({ devices: kinds = [], vfioUserSlots = [] }: Partial<Pick<CellFacts, 'devices' | 'vfioUserSlots'>> = {}): readonly PciDevice[] => {
  const ports = vfioUserSlots.map(rootPortAt)
  return namesIn(DEVICES).flatMap((bdf) => {
    const kind = ports.length > 0 && ports.includes(portOf(`${DEVICES}/${bdf}`)) ? 'vfio-user' : kindOf(`${DEVICES}/${bdf}`)
    return kind === undefined ? [] : [new PciDevice(bdf, kind)]
  }).sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind))
}

/** Does it stand on the root bus that the machine's IOMMU does not see? */
export const bypassesIommu = ({ bdf }: PciDevice): boolean => pciAddress(bdf).bus >= FIRST_BYPASSING_BUS

/** By vendor and device; none of it is a device that the guest itself lives on. pci-testdev and iommu-testdev share 1b36:0005; only the first has an I/O BAR. */
const kindOf = (dir: string): DeviceKind | undefined => {
  switch (`${readText(`${dir}/vendor`) ?? ''}:${readText(`${dir}/device`) ?? ''}`) {
    case '0x1234:0x11e8': return 'edu'
    case '0x1234:0x11eb': return 'vfio-user-dma'
    case '0x1b36:0x0005': return barsOf(dir).some(({ io }) => io) ? 'pci-testdev' : 'iommu-testdev'
    case '0x1234:0x11e9': return 'pcie-ats-testdev'
    case '0x1b36:0x0010': return 'nvme'
    case '0x8086:0x10c9': return 'igb'
    case '0x8086:0x10d3': return 'e1000e'
    // A modern virtio device: 0x1040 and the number of its kind. The guest's disk and network are 2 and 1.
    case '0x1af4:0x1044': return 'virtio-rng'
    case '0x1af4:0x1110': return 'ivshmem'
    default: return undefined
  }
}
