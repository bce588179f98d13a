import type { IommuTrait } from '../../guest-agent/protocol.ts'
import type { IommuSpec, MachineFacts, MachineSpec } from './machine-spec.ts'

/** What cases may rely on when they run on this machine. */
export const machineFacts = (machine: MachineSpec): MachineFacts => ({
  iommu: machine.iommu === undefined ? [] : iommuTraits(machine.iommu),
  devices: machine.devices.map((device) => device.kind),
})

const iommuTraits = (iommu: IommuSpec): readonly IommuTrait[] => {
  if (iommu.kind === 'virtio') return ['virtio']
  const has = (present: boolean, trait: IommuTrait): readonly IommuTrait[] => (present ? [trait] : [])
  return [
    'intel',
    ...has(iommu.interruptRemapping, 'interrupt-remapping'),
    ...has(iommu.cachingMode, 'caching-mode'),
    ...has(iommu.scalable, 'scalable'),
    ...has(iommu.firstStage, 'first-stage'),
    ...has(iommu.deviceIotlb, 'device-iotlb'),
  ]
}
