import type { DeviceKind, IommuTrait } from '../../guest-agent/protocol.ts'

/** A vIOMMU as QEMU emulates it on q35. */
export type IommuSpec =
  | {
      readonly kind: 'intel'
      readonly interruptRemapping: boolean
      readonly cachingMode: boolean
      readonly scalable: boolean
      readonly firstStage: boolean
      readonly deviceIotlb: boolean
    }
  | { readonly kind: 'virtio' }

/** A device under test; each sits behind a root port of its own. */
export type DeviceSpec =
  | { readonly kind: 'edu'; /** Address bits the device can drive; QEMU masks the rest silently. */ readonly dmaMask: bigint }
  | { readonly kind: 'pci-testdev' }
  | { readonly kind: 'iommu-testdev' }

export interface MachineSpec {
  readonly name: string
  /** Missing: no IOMMU at all. */
  readonly iommu?: IommuSpec
  readonly devices: readonly DeviceSpec[]
  readonly memoryMiB: number
  readonly cpus: number
}

/** What the plan needs to know of a machine. */
export interface MachineFacts {
  readonly iommu: readonly IommuTrait[]
  readonly devices: readonly DeviceKind[]
}
