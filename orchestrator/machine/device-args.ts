import { atsTestdev } from './ats-testdev.ts'
import { DEVICE_MODELS } from './device-models.ts'
import type { DeviceSpec } from './machine-spec.ts'
import { type Asking, needDevice } from './qemu-offer.ts'

/** A device's driver and properties for `-device` or device_add. Throws yours/QEMU_LACKS. */
export const deviceProperties = (device: DeviceSpec, asking: Asking): Readonly<Record<string, string>> => {
  const { driver, since } = DEVICE_MODELS[device.kind]
  needDevice(asking, driver, since)
  if (device.kind === 'pcie-ats-testdev') return atsTestdev(asking.offer)?.properties ?? { driver }
  return { driver, ...(device.kind === 'edu' ? { dma_mask: `0x${device.dmaMask.toString(16)}` } : {}) }
}

/** `edu,dma_mask=0xff,id=device0`: the value of `-device`. */
export const deviceValue = ({ driver = '', ...properties }: Readonly<Record<string, string>>): string =>
  [driver, ...Object.entries(properties).map(([name, value]) => `${name}=${value}`)].join(',')
