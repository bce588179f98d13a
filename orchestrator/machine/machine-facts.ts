import type { IommuTrait } from '../../guest-agent/protocol.ts'
import { type DeviceSpec, type IommuSpec, isPlace, type MachineFacts, type MachineSpec, type SlotSpec } from './machine-spec.ts'

/** What cases may rely on when they run on this machine. */
export const machineFacts = (machine: MachineSpec): MachineFacts => ({
  iommu: machine.iommu === undefined ? [] : iommuTraits(machine.iommu),
  devices: machine.devices.flatMap(behindIommu).map(({ kind }) => kind),
  topology: [...new Set(machine.devices.filter(isPlace).map(({ kind }) => kind))],
})

const behindIommu = (slot: SlotSpec): readonly DeviceSpec[] => {
  if (!isPlace(slot)) return [slot]
  return slot.kind === 'bypassing' || slot.kind === 'plugged-later' ? [] : slot.devices
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
