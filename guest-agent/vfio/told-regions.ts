import { equal } from '../case/expect.ts'
import { isExpress, msixTable } from '../pci/header.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from './open-device.ts'
import type { RegionInfo } from './vfio-device.ts'

const {
  VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, VFIO_PCI_ROM_REGION_INDEX,
} = VFIO
const READ_WRITE = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE

/** Each region has the size, the kind and the place that sysfs and config space tell of it. */
export const tellsRegions = ({ device, pci }: OpenDevice): void => {
  expectedRegions(pci).forEach(({ size, flags, capabilities }, index) => {
    const region = device.regionInfo(index)
    equal(
      { size: region.size, flags: toldFlags(region), capabilities: region.capabilities.map(({ id }) => id), offset: region.offset },
      { size, flags, capabilities, offset: BigInt(index) << 40n },
      `region ${index} of ${pci.toString()}`,
    )
  })
}

/** Config space of a conventional device and of one of PCI Express, linux/pci_regs.h PCI_CFG_SPACE_SIZE and PCI_CFG_SPACE_EXP_SIZE. */
export const configSize = (pci: PciDevice): number => (isExpress(pci.configByte) ? 4096 : 256)

interface Region {
  readonly size: number
  readonly flags: number
  /** Ids of its capabilities. */
  readonly capabilities: readonly number[]
}

const expectedBar = (pci: PciDevice, index: number): Region => {
  const bar = pci.bars.find((each) => each.index === index)
  if (bar === undefined) return { size: 0, flags: 0, capabilities: [] }
  const mappable = !bar.io && bar.size >= PAGE_SIZE
  const hasTable = mappable && msixTable(pci.configByte)?.bar === index
  return {
    size: bar.size,
    flags: READ_WRITE | (mappable ? VFIO_REGION_INFO_FLAG_MMAP : 0) | (hasTable ? VFIO_REGION_INFO_FLAG_CAPS : 0),
    capabilities: hasTable ? [VFIO_REGION_INFO_CAP_MSIX_MAPPABLE] : [],
  }
}

/** What sysfs says of the device, in the words of VFIO. */
const expectedRegions = (pci: PciDevice): readonly Region[] => [
  ...Array.from({ length: VFIO_PCI_ROM_REGION_INDEX }, (_, index) => expectedBar(pci, index)),
  { size: 0, flags: 0, capabilities: [] },
  { size: configSize(pci), flags: READ_WRITE, capabilities: [] },
]

/** Memory of less than a page can be mapped when it has its page for itself, which depends on the firmware. */
const toldFlags = ({ flags, size }: RegionInfo): number => (size < PAGE_SIZE ? flags & ~VFIO_REGION_INFO_FLAG_MMAP : flags)
