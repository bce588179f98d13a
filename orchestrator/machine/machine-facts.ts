import type { DeviceCapability, IommuTrait, Topology } from '../../guest-agent/protocol.ts'
import { atsTestdev } from './ats-testdev.ts'
import { ALL_64_BITS } from './devices.ts'
import { lackedByOptions } from './dma-capabilities.ts'
import { type DeviceSpec, devicesOf, type IommuSpec, isPlace, type MachineFacts, type MachineSpec, type SlotSpec } from './machine-spec.ts'
import type { QemuOffer } from './qemu-offer.ts'
import { rootSlot } from './slot-args.ts'
import { unfitPlaces } from './unfit-places.ts'

/** What cases may rely on when they run on this machine; on which QEMU, where its devices come in several models. */
export const machineFacts = (machine: MachineSpec, offer?: QemuOffer): MachineFacts => ({
  iommu: machine.iommu === undefined ? [] : iommuTraits(machine.iommu),
  devices: machine.devices.flatMap(behindIommu).map(({ kind }) => kind),
  topology: [...new Set(machine.devices.filter(isPlace).map(({ kind }) => kind))],
  ...unfitPlaces(machine.devices),
  ...withoutOf(machine.devices),
  ...vfioUserSlots(machine.devices),
  ...lacksOf(machine, offer),
})

/** Of several devices of a kind the first counts: cases use that. */
const withoutOf = (slots: readonly SlotSpec[]): Pick<MachineFacts, 'without'> => {
  const devices = slots.flatMap((slot) => behindIommu(slot).map((device) => [device.kind, [...lacks(device), ...lacksThere(slot)]] as const))
  const lacking = [...new Map(devices.toReversed())].filter(([, capabilities]) => capabilities.length > 0)
  return lacking.length === 0 ? {} : { without: Object.fromEntries(lacking) }
}

/** Where devices share a bus the reset of the bus is no way to reset one of them, and for most there is no other. */
const lacksThere = (slot: SlotSpec): readonly DeviceCapability[] =>
  (isPlace(slot) && SHARED_BUS.includes(slot.kind) && slot.devices.length > 1 ? ['reset'] : [])

const SHARED_BUS: readonly Topology[] = ['one-group', 'multifunction']

const vfioUserSlots = (slots: readonly SlotSpec[]): Pick<MachineFacts, 'vfioUserSlots'> => {
  const found = slots.flatMap(({ kind }, index) => (kind === 'vfio-user' ? [rootSlot(index)] : []))
  return found.length === 0 ? {} : { vfioUserSlots: found }
}

const lacks = (device: DeviceSpec): readonly DeviceCapability[] => {
  switch (device.kind) {
    case 'edu': return device.dmaMask === ALL_64_BITS ? [] : ['dma-64']
    case 'nvme': return device.virtualFunctions > 0 ? [] : ['sr-iov']
    case 'vfio-user-dma': return lackedByOptions(device.options)
    case 'pci-testdev':
    case 'iommu-testdev':
    case 'pcie-ats-testdev':
    case 'vfio-user':
    case 'igb':
    case 'e1000e':
    case 'virtio-rng':
    case 'ivshmem': return []
  }
}

/** What the model that this QEMU has of a device cannot do, and what it can do behind another IOMMU only. */
const lacksOf = ({ iommu }: MachineSpec, offer: QemuOffer | undefined): Pick<MachineFacts, 'lacks'> => {
  const model = offer === undefined ? undefined : atsTestdev(offer)
  if (model === undefined) return {}
  const because = {
    'ats-counters': model.noCounters,
    'page-requests': model.noPageRequests ?? (iommu?.kind === 'intel' && iommu.svm ? undefined : 'the IOMMU of this machine answers no page requests: intelIommu({ svm: true }) does'),
  }
  const lacking = Object.entries(because).filter(([, reason]) => reason !== undefined)
  return lacking.length === 0 ? {} : { lacks: Object.fromEntries(lacking) }
}

const behindIommu = (slot: SlotSpec): readonly DeviceSpec[] => {
  if (!isPlace(slot)) return [slot]
  return slot.kind === 'bypassing' || slot.kind === 'plugged-later' ? [] : devicesOf(slot)
}

const iommuTraits = (iommu: IommuSpec): readonly IommuTrait[] => {
  const has = (present: boolean, trait: IommuTrait): readonly IommuTrait[] => (present ? [trait] : [])
  switch (iommu.kind) {
    case 'virtio': return ['virtio']
    case 'amd': return ['amd', ...has(iommu.interruptRemapping, 'interrupt-remapping'), ...has(iommu.deviceIotlb, 'device-iotlb')]
    case 'intel': return [
      'intel',
      ...has(iommu.interruptRemapping, 'interrupt-remapping'),
      ...has(iommu.cachingMode, 'caching-mode'),
      ...has(iommu.scalable, 'scalable'),
      ...has(iommu.firstStage, 'first-stage'),
      ...has(iommu.deviceIotlb, 'device-iotlb'),
      ...has(iommu.pasidBits > 0, 'pasid'),
      ...has(iommu.svm, 'svm'),
    ]
  }
}
