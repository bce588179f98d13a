import type { DeviceKind } from '../../guest-agent/protocol.ts'
import { ATS_TESTDEV } from './ats-testdev.ts'

/** What the lab knows of a device before it is plugged in. */
export interface DeviceModel {
  /** QEMU's name for it. */
  readonly driver: string
  /** The first QEMU release that has it, or in words where it comes from. */
  readonly since: string
  /** How a config asks for it. */
  readonly factory: string
}

export const DEVICE_MODELS: Readonly<Record<DeviceKind, DeviceModel>> = {
  edu: { driver: 'edu', since: '2.3', factory: 'edu()' },
  'pci-testdev': { driver: 'pci-testdev', since: '1.3', factory: 'pciTestdev()' },
  'pcie-ats-testdev': { driver: ATS_TESTDEV, since: 'no release of QEMU has it, the lab builds one (10.0, which answers no page requests)', factory: 'pcieAtsTestdev()' },
  nvme: { driver: 'nvme', since: '6.0', factory: 'nvme()' },
  igb: { driver: 'igb', since: '8.0', factory: 'igb()' },
  e1000e: { driver: 'e1000e', since: '2.7', factory: 'e1000e()' },
  'virtio-rng': { driver: 'virtio-rng-pci', since: '1.3', factory: 'virtioRng()' },
  ivshmem: { driver: 'ivshmem-plain', since: '2.6', factory: 'ivshmem()' },
  'vfio-user-dma': { driver: 'vfio-user-pci', since: '10.1', factory: 'vfioUserDma()' },
  'vfio-user': { driver: 'vfio-user-pci', since: '10.1', factory: "vfioUser('./device.ts')" },
  'iommu-testdev': { driver: 'iommu-testdev', since: '11.0', factory: 'iommuTestdev()' },
}
