import { yours } from '../host/errors.ts'
import { atsTestdev } from './ats-testdev.ts'
import { DEVICE_MODELS } from './device-models.ts'
import type { DeviceSpec } from './machine-spec.ts'
import { type Asking, needDevice } from './qemu-offer.ts'

/** Properties for `-device` or device_add, its driver among them. */
export type DeviceProperties = Readonly<Record<string, string>>

export interface DeviceParts {
  /** QEMU's argv for what stands behind the device, and must be there before it. */
  readonly before: readonly string[]
  readonly properties: DeviceProperties
  /** And for what is plugged into the device itself. */
  readonly after: readonly string[]
}

/** It speaks the protocol in a dialect that no other QEMU has: every DMA would be refused as garbage. */
const FIRST_VFIO_USER = '10.1.0'

/** One device under test; `index` makes ids that no other device of the machine has. Throws yours/QEMU_LACKS. */
export const deviceParts = (device: DeviceSpec, index: number, asking: Asking): DeviceParts => {
  const { driver, since } = DEVICE_MODELS[device.kind]
  needDevice(asking, driver, since)
  if (device.kind === 'vfio-user-dma' && asking.offer.version === FIRST_VFIO_USER) {
    throw yours('QEMU_LACKS', `machine ${asking.machine}: QEMU ${FIRST_VFIO_USER} counts the bytes of a vfio-user DMA in 32 bits, and the protocol has 64`, { hint: 'QEMU has it right since 10.1.1' })
  }
  const id = `device${index}`
  const alone = (properties: DeviceProperties = {}): DeviceParts => ({ before: [], properties: { driver, ...properties, id }, after: [] })
  switch (device.kind) {
    case 'edu': return alone({ dma_mask: `0x${device.dmaMask.toString(16)}` })
    case 'pci-testdev':
    case 'iommu-testdev':
    case 'vfio-user-dma':
    case 'vfio-user': return alone()
    case 'pcie-ats-testdev': return alone(atsTestdev(asking.offer)?.properties)
    // Without an option ROM, and with no network behind it: what it sends it only receives itself.
    case 'igb':
    case 'e1000e': return alone({ romfile: '' })
    case 'nvme': return nvmeParts(device.virtualFunctions, index, driver)
    case 'virtio-rng': return {
      before: ['-object', `rng-builtin,id=entropy${index}`],
      // iommu_platform: without it virtio knows of no IOMMU and goes around it.
      properties: { driver, rng: `entropy${index}`, 'disable-legacy': 'on', iommu_platform: 'on', ...(device.ats ? { ats: 'on' } : {}), id },
      after: [],
    }
    case 'ivshmem': return {
      before: ['-object', `memory-backend-ram,id=memory${index},size=${device.sizeMiB}M,share=on`],
      properties: { driver, memdev: `memory${index}`, id },
      after: [],
    }
  }
}

/** `edu,dma_mask=0xff,id=device0`: the value of `-device`. */
export const deviceValue = ({ driver = '', ...properties }: DeviceProperties): string =>
  [driver, ...Object.entries(properties).map(([name, value]) => `${name}=${value}`)].join(',')

/** The function itself has these queue pairs and vectors; each virtual function is given two pairs and one vector more, QEMU's least. */
const OWN_QUEUE_PAIRS = 4
const OWN_VECTORS = 5

/**
 * A controller with one small namespace, in a subsystem as virtual functions want it. What is written to the disk is kept in a temporary file that
 * nobody else can open; a disk of zeroes lies under it.
 */
const nvmeParts = (functions: number, index: number, driver: string): DeviceParts => ({
  before: [
    '-drive', `if=none,id=disk${index},driver=null-co,size=1M,read-zeroes=on,snapshot=on`,
    '-device', `nvme-subsys,id=subsystem${index}`,
  ],
  properties: {
    driver,
    serial: `lab${index}`,
    subsys: `subsystem${index}`,
    max_ioqpairs: String(OWN_QUEUE_PAIRS + 2 * functions),
    msix_qsize: String(OWN_VECTORS + functions),
    ...(functions === 0 ? {} : { sriov_max_vfs: String(functions), sriov_vq_flexible: String(2 * functions), sriov_vi_flexible: String(functions) }),
    id: `device${index}`,
  },
  after: ['-device', `nvme-ns,drive=disk${index},bus=device${index}`],
})
