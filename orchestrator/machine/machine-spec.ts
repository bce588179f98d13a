import type { DeviceCapability, DeviceKind, IommuTrait, LackedCapabilities, Topology } from '../../guest-agent/protocol.ts'
import type { DmaOptions } from '../../images/devices/vfio-user-dma/options.ts'

/** A vIOMMU as QEMU emulates it on q35. */
export type IommuSpec =
  | {
      readonly kind: 'intel'
      readonly interruptRemapping: boolean
      readonly cachingMode: boolean
      readonly scalable: boolean
      readonly firstStage: boolean
      readonly deviceIotlb: boolean
      /** Width of a PASID; 0: no PASIDs. */
      readonly pasidBits: number
      readonly svm: boolean
      readonly addressBits: 39 | 48
    }
  | { readonly kind: 'amd'; readonly interruptRemapping: boolean; readonly deviceIotlb: boolean }
  | { readonly kind: 'virtio'; /** Missing: all that QEMU has. */ readonly addressBits?: number | undefined }

/** A device under test. */
export type DeviceSpec =
  | { readonly kind: 'edu'; /** Address bits the device can drive; QEMU masks the rest silently. */ readonly dmaMask: bigint }
  | { readonly kind: 'pci-testdev' }
  | { readonly kind: 'iommu-testdev' }
  | { readonly kind: 'pcie-ats-testdev' }
  | { readonly kind: 'vfio-user-dma'; readonly options: DmaOptions }
  | {
      readonly kind: 'vfio-user'
      /** Whose default export it is; absolute in a resolved config. */
      readonly file: string
      readonly options?: JsonObject | undefined
    }
  | { readonly kind: 'nvme'; /** 0: no SR-IOV. */ readonly virtualFunctions: number }
  | { readonly kind: 'igb' }
  | { readonly kind: 'e1000e' }
  | { readonly kind: 'virtio-rng'; readonly ats: boolean }
  | { readonly kind: 'ivshmem'; readonly sizeMiB: number }

export interface JsonObject {
  readonly [key: string]: Json
}

export type Json = string | number | boolean | null | JsonObject | readonly Json[]

/** A device that a program of its own plays. */
export type ServedSpec = Extract<DeviceSpec, { readonly kind: 'vfio-user-dma' | 'vfio-user' }>

export const isServed = (device: DeviceSpec): device is ServedSpec => device.kind === 'vfio-user-dma' || device.kind === 'vfio-user'

export interface MachineSpec {
  readonly name: string
  /** Missing: no IOMMU at all. */
  readonly iommu?: IommuSpec
  readonly devices: readonly SlotSpec[]
  readonly memoryMiB: number
  readonly cpus: number
  /** Its cells run only when the machine is named. */
  readonly onRequest: boolean
  /** Absolute path of a QEMU on the host; missing: the tools' own, or one that has the machine's devices. */
  readonly qemu?: string
}

/** What the plan needs to know of a machine. */
export interface MachineFacts {
  readonly iommu: readonly IommuTrait[]
  /** Devices behind the machine's IOMMU, if it has one, that are there from the start. */
  readonly devices: readonly DeviceKind[]
  readonly topology: readonly Topology[]
  /** Of these places those whose devices are of no use to the cases about them; and why. */
  readonly unfit?: Readonly<Partial<Record<Topology, string>>>
  /** Capabilities that a device of this machine would have, were it not for its QEMU; and why. */
  readonly lacks?: Readonly<Partial<Record<DeviceCapability, string>>>
  /** What DEVICE_CAPABILITIES says of a kind and this machine's device of that kind has not, because of its options or of where it stands. */
  readonly without?: LackedCapabilities
  /** Slots of the root bus: behind the ports there stand the devices of kind vfio-user. */
  readonly vfioUserSlots?: readonly number[]
}

/** The devices of an entry. */
export const devicesOf = (slot: SlotSpec): readonly DeviceSpec[] => (isPlace(slot) ? slot.devices : [slot])

/** Has it a device that no release of QEMU has? */
export const wantsAts = ({ devices }: MachineSpec): boolean => devices.flatMap(devicesOf).some(({ kind }) => kind === 'pcie-ats-testdev')

export const isPlace = (slot: SlotSpec): slot is PlaceSpec => 'devices' in slot

/** Where devices stand other than each behind a root port of its own. */
export type PlaceSpec = { readonly kind: Topology; readonly devices: readonly DeviceSpec[] }

/** An entry of a machine's `devices`: a device behind a root port of its own (ivshmem: on the root bus), or some devices in another place. */
export type SlotSpec = DeviceSpec | PlaceSpec
