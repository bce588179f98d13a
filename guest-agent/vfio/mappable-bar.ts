import { Failed } from '../case/expect.ts'
import { msixTable } from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from './vfio-device.ts'

const { VFIO_REGION_INFO_FLAG_MMAP, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG } = VFIO

/** The first BAR that can be mapped and does not begin with the table of MSI-X: of that VFIO shows nothing but ones to read(2). */
export const mappableBar = (device: VfioDevice): number => {
  const table = msixTable((offset) => device.read(CONFIG, offset, 1))
  const found = [0, 1, 2, 3, 4, 5].find((bar) =>
    (device.regionInfo(bar).flags & VFIO_REGION_INFO_FLAG_MMAP) !== 0 && !(table?.bar === bar && table.offset === 0))
  if (found === undefined) throw new Failed('the device has no BAR that can be mapped')
  return found
}
