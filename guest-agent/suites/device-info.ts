import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { plainDevices } from '../case/kinds.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { configSize, tellsRegions } from '../vfio/told-regions.ts'

const {
  VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_VGA_REGION_INDEX,
} = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const MAIN = 'drivers/vfio/vfio_main.c'

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
    run: (lab) => lab.forEachDevice((pci, inner) => { tellsRegions(openAnyDevice(inner, pci)) }, plainDevices(lab)),
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
