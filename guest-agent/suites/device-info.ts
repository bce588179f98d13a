import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const {
  VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS, VFIO_PCI_ROM_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_VGA_REGION_INDEX,
} = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const MAIN = 'drivers/vfio/vfio_main.c'
const READ_WRITE = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE

/** Config space of a conventional device, linux/pci_regs.h PCI_CFG_SPACE_SIZE. */
const CONFIG_SIZE = 256

interface Region {
  readonly size: number
  readonly flags: number
}

/** What sysfs says of the device, in the words of VFIO. Only memory of at least a page can be mapped. */
const expectedRegions = (pci: PciDevice): readonly Region[] => [
  ...Array.from({ length: VFIO_PCI_ROM_REGION_INDEX }, (_, index) => {
    const bar = pci.bars.find((each) => each.index === index)
    if (bar === undefined) return { size: 0, flags: 0 }
    return { size: bar.size, flags: READ_WRITE | (bar.io || bar.size < PAGE_SIZE ? 0 : VFIO_REGION_INFO_FLAG_MMAP) }
  }),
  { size: 0, flags: 0 },
  { size: CONFIG_SIZE, flags: READ_WRITE },
]

export const deviceInfo = suite('device-info', [
  defineCase({
    name: 'info',
    title: 'a PCI device behind a port of its own can be reset and has the regions and interrupts of vfio-pci; argsz is followed',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
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
    title: 'each region has the size and kind that sysfs tells of it; only memory BARs of a page or more can be mapped',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, MAIN] },
    run: (lab) => lab.forEachDevice((pci, inner) => {
      const { device } = openAnyDevice(inner, pci)
      expectedRegions(pci).forEach(({ size, flags }, index) => {
        const region = device.regionInfo(index)
        equal({ size: region.size, flags: region.flags, offset: region.offset }, { size, flags, offset: BigInt(index) << 40n },
          `region ${index} of ${pci.toString()}`)
      })
    }),
  }),
  defineCase({
    name: 'region-refusals',
    title: 'a region that there is not and a short argsz are EINVAL',
    needs: { access: 'any', device: [] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, MAIN] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
      for (const index of [VFIO_PCI_VGA_REGION_INDEX, VFIO_PCI_NUM_REGIONS, 0x7fff_ffff, 0xffff_ffff]) expectErrno('EINVAL', () => device.regionInfo(index))
      for (const argsz of [0, 16, 31]) {
        expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_GET_REGION_INFO', vfioStructs.regionInfo.make({ argsz })))
      }
      expectErrno('EFAULT', () => device.ioctl('VFIO_DEVICE_GET_REGION_INFO'))
      equal(device.regionInfo(VFIO_PCI_CONFIG_REGION_INDEX).size, CONFIG_SIZE, 'size of config space')
    },
  }),
])
