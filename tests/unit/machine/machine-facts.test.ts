import { expect, it } from 'vitest'
import { edu, pciTestdev } from '../../../orchestrator/machine/devices.ts'
import { intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import { machineFacts } from '../../../orchestrator/machine/machine-facts.ts'

const bare = { name: 'm', devices: [edu(), pciTestdev()], memoryMiB: 512, cpus: 2 }

it('has no trait without an IOMMU', () => {
  expect(machineFacts(bare)).toEqual({ iommu: [], devices: ['edu', 'pci-testdev'] })
})

it('has a trait for each mode of intel-iommu', () => {
  const everything = intelIommu({ cachingMode: true, scalable: true, firstStage: true, deviceIotlb: true })
  expect(machineFacts({ ...bare, iommu: everything }).iommu).toEqual([
    'intel', 'interrupt-remapping', 'caching-mode', 'scalable', 'first-stage', 'device-iotlb',
  ])
  expect(machineFacts({ ...bare, iommu: intelIommu({ interruptRemapping: false }) }).iommu).toEqual(['intel'])
})

it('has no interrupt remapping behind virtio-iommu', () => {
  expect(machineFacts({ ...bare, iommu: virtioIommu() }).iommu).toEqual(['virtio'])
})
