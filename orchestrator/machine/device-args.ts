import type { DeviceSpec } from './machine-spec.ts'
import { type Asking, needDevice } from './qemu-offer.ts'

/** The first QEMU release that has the device. */
const SINCE: Readonly<Record<DeviceSpec['kind'], string>> = { edu: '2.3', 'pci-testdev': '1.3', 'iommu-testdev': '11.0' }

/** A device's driver and properties for `-device` or device_add. Throws yours/QEMU_LACKS. */
export const deviceProperties = (device: DeviceSpec, asking: Asking): Readonly<Record<string, string>> => {
  needDevice(asking, device.kind, SINCE[device.kind])
  return { driver: device.kind, ...(device.kind === 'edu' ? { dma_mask: `0x${device.dmaMask.toString(16)}` } : {}) }
}

/** `edu,dma_mask=0xff,id=device0`: the value of `-device`. */
export const deviceValue = ({ driver = '', ...properties }: Readonly<Record<string, string>>): string =>
  [driver, ...Object.entries(properties).map(([name, value]) => `${name}=${value}`)].join(',')
