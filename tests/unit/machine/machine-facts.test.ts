import { expect, it } from 'vitest'
import { edu, igb, iommuTestdev, nvme, pcieAtsTestdev, pciTestdev } from '../../../orchestrator/machine/devices.ts'
import { amdIommu, intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import { machineFacts } from '../../../orchestrator/machine/machine-facts.ts'
import type { MachineSpec } from '../../../orchestrator/machine/machine-spec.ts'
import { behindSwitch, bypassingIommu, multifunction, oneGroup, pluggedLater } from '../../../orchestrator/machine/places.ts'
import { goldenOffer } from './golden-offer.ts'

const bare = { name: 'm', devices: [edu(), pciTestdev()], memoryMiB: 512, cpus: 2, onRequest: false }

it('has no trait without an IOMMU', () => {
  expect(machineFacts(bare)).toEqual({ iommu: [], devices: ['edu', 'pci-testdev'], topology: [] })
})

it('has a trait for each mode of intel-iommu', () => {
  const everything = intelIommu({ cachingMode: true, scalable: true, firstStage: true, deviceIotlb: true, pasidBits: 20, svm: true })
  expect(machineFacts({ ...bare, iommu: everything }).iommu).toEqual([
    'intel', 'interrupt-remapping', 'caching-mode', 'scalable', 'first-stage', 'device-iotlb', 'pasid', 'svm',
  ])
  expect(machineFacts({ ...bare, iommu: intelIommu({ interruptRemapping: false }) }).iommu).toEqual(['intel'])
})

it('has no interrupt remapping behind virtio-iommu, nor behind amd-iommu unless asked for', () => {
  expect(machineFacts({ ...bare, iommu: virtioIommu() }).iommu).toEqual(['virtio'])
  expect(machineFacts({ ...bare, iommu: amdIommu() }).iommu).toEqual(['amd'])
  expect(machineFacts({ ...bare, iommu: amdIommu({ interruptRemapping: true, deviceIotlb: true }) }).iommu).toEqual(['amd', 'interrupt-remapping', 'device-iotlb'])
})

it('counts devices of a place, but neither those that bypass the IOMMU nor those that come later', () => {
  const devices = [edu(), oneGroup(edu(), pciTestdev()), bypassingIommu(iommuTestdev()), pluggedLater(iommuTestdev())]
  expect(machineFacts({ ...bare, devices })).toMatchObject({ iommu: [], devices: ['edu', 'edu', 'pci-testdev'], topology: ['one-group', 'bypassing', 'plugged-later'] })
})

it('tells what the options of a device take away, of several of a kind those of the first', () => {
  const narrow = edu({ dmaMask: 0xffff_ffffn })
  expect(machineFacts({ ...bare, devices: [edu(), nvme({ virtualFunctions: 1 }), igb()] }).without).toBeUndefined()
  expect(machineFacts({ ...bare, devices: [nvme(), igb(), narrow] }).without).toEqual({ nvme: ['sr-iov'], edu: ['dma-64'] })
  expect(machineFacts({ ...bare, devices: [nvme({ virtualFunctions: 1 }), nvme(), narrow, edu()] }).without).toEqual({ edu: ['dma-64'] })
})

it('tells that devices which share a bus cannot be reset, unless one of their kind stands alone before them', () => {
  expect(machineFacts({ ...bare, devices: [multifunction(edu(), pciTestdev())] }).without).toEqual({ edu: ['reset'], 'pci-testdev': ['reset'] })
  expect(machineFacts({ ...bare, devices: [edu(), oneGroup(edu(), pciTestdev())] }).without).toEqual({ 'pci-testdev': ['reset'] })
  expect(machineFacts({ ...bare, devices: [multifunction(edu()), behindSwitch(pciTestdev(), iommuTestdev())] }).without).toBeUndefined()
})

it('tells of places whose devices are of no use to the cases about them', () => {
  const unfit = (...devices: MachineSpec['devices']) => Object.keys(machineFacts({ ...bare, devices }).unfit ?? {})
  expect(unfit(bypassingIommu(edu()), oneGroup(edu(), pciTestdev()), multifunction(pciTestdev(), edu()), behindSwitch(pciTestdev()), pluggedLater(edu()))).toEqual([])
  expect(unfit(bypassingIommu(pciTestdev()), oneGroup(edu()), multifunction(pciTestdev(), pciTestdev()), pluggedLater(pciTestdev()))).toEqual([
    'bypassing', 'one-group', 'multifunction', 'plugged-later',
  ])
  expect(unfit(oneGroup(edu()), oneGroup(edu(), edu()))).toEqual([])
  expect(unfit(pluggedLater(pciTestdev()), pluggedLater(edu()))).toEqual(['plugged-later'])
})

it('tells why pages cannot be asked for: the device, the IOMMU that QEMU has, or the IOMMU of this machine', () => {
  const [device, golden] = ['pcie-ats-testdev', goldenOffer('11.1')]
  const qemuWith = (...properties: readonly string[]) => ({
    ...golden, devices: new Set([...golden.devices, device]), properties: new Map([...golden.properties, [device, new Set(properties)]]),
  })
  const scalable = { scalable: true, firstStage: true, deviceIotlb: true } as const
  const behind = (iommu: ReturnType<typeof intelIommu>) => ({ ...bare, iommu, devices: [pcieAtsTestdev()] })
  const answering = behind(intelIommu({ ...scalable, pasidBits: 20, svm: true }))
  expect(machineFacts(answering, qemuWith('counters')).lacks).toEqual({ 'page-requests': expect.stringMatching(/QEMU 11.* makes no page requests/) as string })
  expect(machineFacts(behind(intelIommu(scalable)), qemuWith('counters', 'pri')).lacks).toEqual({ 'page-requests': expect.stringMatching(/svm: true/) as string })
  expect(machineFacts(answering, qemuWith('counters', 'pri')).lacks).toBeUndefined()
  expect(machineFacts(answering, golden).lacks).toBeUndefined()
})
