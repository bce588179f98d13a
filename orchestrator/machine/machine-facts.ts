import type { IommuTrait } from '../../guest-agent/protocol.ts'
import { atsTestdev } from './ats-testdev.ts'
import { type DeviceSpec, devicesOf, type IommuSpec, isPlace, type MachineFacts, type MachineSpec, type SlotSpec } from './machine-spec.ts'
import type { QemuOffer } from './qemu-offer.ts'

/** What cases may rely on when they run on this machine; on which QEMU, where its devices come in several models. */
export const machineFacts = (machine: MachineSpec, offer?: QemuOffer): MachineFacts => ({
  iommu: machine.iommu === undefined ? [] : iommuTraits(machine.iommu),
  devices: machine.devices.flatMap(behindIommu).map(({ kind }) => kind),
  topology: [...new Set(machine.devices.filter(isPlace).map(({ kind }) => kind))],
  ...lacksOf(offer),
})

const lacksOf = (offer: QemuOffer | undefined): Pick<MachineFacts, 'lacks'> => {
  const because = offer === undefined ? undefined : atsTestdev(offer)?.noCounters
  return because === undefined ? {} : { lacks: { 'ats-counters': because } }
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
