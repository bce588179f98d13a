import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { isExpress, msixTable } from '../pci/header.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import type { RegionInfo } from '../vfio/vfio-device.ts'

const {
  VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_CAPS, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS, VFIO_PCI_ROM_REGION_INDEX,
  VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_VGA_REGION_INDEX,
} = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const MAIN = 'drivers/vfio/vfio_main.c'
const READ_WRITE = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE

/** Config space of a conventional device and of one of PCI Express, linux/pci_regs.h PCI_CFG_SPACE_SIZE and PCI_CFG_SPACE_EXP_SIZE. */
const configSize = (pci: PciDevice): number => (isExpress(pci.configByte) ? 4096 : 256)

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

export const deviceInfo = suite('device-info', [
  defineCase({
    name: 'info',
    title: 'a PCI device behind a port of its own can be reset and has the regions and interrupts of vfio-pci; argsz is followed',
    needs: { access: 'any', device: ['reset'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device(['reset']))
      const ask = (argsz: number) => {
        const answer = vfioStructs.deviceInfo.make({ argsz }, { tail: 64 })
        answer.bytes.fill(0xa5, 16)
        device.ioctl('VFIO_DEVICE_GET_INFO', answer)
        return answer
      }
      for (const argsz of [0, 8, 15]) expectErrno('EINVAL', () => ask(argsz))
      const old = ask(16)
      equal(
        { flags: old.get('flags'), regions: old.get('num_regions'), irqs: old.get('num_irqs') },
        { flags: VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, regions: VFIO_PCI_NUM_REGIONS, irqs: VFIO_PCI_NUM_IRQS },
        'VFIO_DEVICE_GET_INFO',
      )
      ok(old.bytes.subarray(16).every((byte) => byte === 0xa5), 'nothing may be written behind argsz')
      ok(ask(64).bytes.subarray(vfioStructs.deviceInfo.size).every((byte) => byte === 0xa5), 'nothing may be written behind the struct')
      expectErrno('EFAULT', () => device.ioctl('VFIO_DEVICE_GET_INFO'))
      expectErrno('ENOTTY', () => device.ioctl('VFIO_DEVICE_QUERY_GFX_PLANE'))
    },
  }),
  defineCase({
    name: 'regions',
    title: 'each region has the size and kind that sysfs tells of it; memory BARs of a page or more can be mapped, the table of MSI-X with them',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, MAIN] },
    run: (lab) => lab.forEachDevice((pci, inner) => {
      const { device } = openAnyDevice(inner, pci)
      expectedRegions(pci).forEach(({ size, flags, capabilities }, index) => {
        const region = device.regionInfo(index)
        equal(
          { size: region.size, flags: toldFlags(region), capabilities: region.capabilities.map(({ id }) => id), offset: region.offset },
          { size, flags, capabilities, offset: BigInt(index) << 40n },
          `region ${index} of ${pci.toString()}`,
        )
      })
    }),
  }),
  defineCase({
    name: 'region-refusals',
    title: 'a region that there is not and a short argsz are EINVAL',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, MAIN] },
    run: (lab) => {
      const pci = lab.device()
      const { device } = openAnyDevice(lab, pci)
      for (const index of [VFIO_PCI_VGA_REGION_INDEX, VFIO_PCI_NUM_REGIONS, 0x7fff_ffff, 0xffff_ffff]) expectErrno('EINVAL', () => device.regionInfo(index))
      for (const argsz of [0, 16, 31]) {
        expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_GET_REGION_INFO', vfioStructs.regionInfo.make({ argsz })))
      }
      expectErrno('EFAULT', () => device.ioctl('VFIO_DEVICE_GET_REGION_INFO'))
      equal(device.regionInfo(VFIO_PCI_CONFIG_REGION_INDEX).size, configSize(pci), 'size of config space')
    },
  }),
])
