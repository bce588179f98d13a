import { describe, expect, it, test } from 'vitest'
import { iommuDevice, iommuWords } from '../../../orchestrator/machine/iommu-args.ts'
import { amdIommu, intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import type { IommuSpec } from '../../../orchestrator/machine/machine-spec.ts'
import { errorOf } from './error-of.ts'
import { goldenOffer } from './golden-offer.ts'

const on = (release: '7.2' | '10.0' | '11.1') => ({ machine: 'm', offer: goldenOffer(release) })
const everything = intelIommu({ cachingMode: true, scalable: true, firstStage: true, deviceIotlb: true, pasidBits: 16, svm: true })

test.each<[string, IommuSpec, '7.2' | '10.0' | '11.1', string]>([
  ['intel, legacy', intelIommu(), '11.1', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48'],
  ['intel, legacy', intelIommu(), '7.2', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48'],
  ['intel without interrupt remapping', intelIommu({ interruptRemapping: false }), '11.1', 'intel-iommu,intremap=off,caching-mode=off,aw-bits=48'],
  ['intel, caching mode, 39 bits', intelIommu({ cachingMode: true, addressBits: 39 }), '11.1', 'intel-iommu,intremap=on,caching-mode=on,aw-bits=39'],
  ['intel, scalable', intelIommu({ scalable: true }), '7.2', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,x-scalable-mode=on'],
  ['intel, scalable', intelIommu({ scalable: true }), '11.1', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,scalable-mode=on'],
  ['intel, first stage', intelIommu({ scalable: true, firstStage: true }), '10.0', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,x-scalable-mode=on,x-flts=on'],
  ['intel, first stage', intelIommu({ scalable: true, firstStage: true }), '11.1', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,scalable-mode=on,fsts=on'],
  ['intel, device IOTLB', intelIommu({ deviceIotlb: true }), '10.0', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,device-iotlb=on'],
  ['intel, PASIDs', intelIommu({ scalable: true, pasidBits: 20 }), '10.0', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,x-scalable-mode=on,x-pasid-mode=on'],
  ['intel, PASIDs', intelIommu({ scalable: true, pasidBits: 20 }), '11.1', 'intel-iommu,intremap=on,caching-mode=off,aw-bits=48,scalable-mode=on,pasid-bits=20'],
  ['intel, everything', everything, '11.1', 'intel-iommu,intremap=on,caching-mode=on,aw-bits=48,scalable-mode=on,fsts=on,device-iotlb=on,pasid-bits=16,svm=on'],
  ['amd', amdIommu(), '7.2', 'amd-iommu,intremap=off'],
  ['amd', amdIommu(), '11.1', 'amd-iommu,intremap=off,dma-remap=on'],
  ['amd, everything', amdIommu({ interruptRemapping: true, deviceIotlb: true }), '11.1', 'amd-iommu,intremap=on,dma-remap=on,device-iotlb=on'],
  ['virtio', virtioIommu(), '7.2', 'virtio-iommu-pci,bus=pcie.0,addr=2'],
  ['virtio, 39 bits', virtioIommu({ addressBits: 39 }), '10.0', 'virtio-iommu-pci,bus=pcie.0,addr=2,aw-bits=39'],
])('%s, QEMU %#', (_, iommu, release, device) => {
  expect(iommuDevice(iommu, on(release))).toBe(device)
})

test.each<[string, IommuSpec, '7.2' | '10.0', string, string]>([
  ['svm', intelIommu({ scalable: true, firstStage: true, deviceIotlb: true, pasidBits: 20, svm: true }), '10.0', 'property svm of intel-iommu', 'QEMU has it since 11.0'],
  ['PASIDs of another width', intelIommu({ scalable: true, pasidBits: 8 }), '10.0', 'property pasid-bits of intel-iommu', 'QEMU has it since 11.0'],
  ['first stage', intelIommu({ scalable: true, firstStage: true }), '7.2', 'property fsts of intel-iommu', 'QEMU has it since 10.0'],
  ['address bits', virtioIommu({ addressBits: 39 }), '7.2', 'property aw-bits of virtio-iommu-pci', 'QEMU has it since 9.0'],
])('what an older QEMU lacks is said with the release that has it: %s', (_, iommu, release, lacks, since) => {
  const { offer } = on(release)
  const refused = errorOf(() => iommuDevice(iommu, { machine: 'm', offer }))
  expect(refused).toMatchObject({ kind: 'yours', code: 'QEMU_LACKS', message: `machine m: QEMU ${offer.version} has no ${lacks}` })
  expect(refused.hint).toContain(since)
})

test('words of the command line', () => {
  expect(iommuWords(intelIommu())).toEqual(['intel_iommu=on', 'iommu=nopt'])
  expect(iommuWords(intelIommu({ scalable: true }))).toEqual(['intel_iommu=on,sm_on', 'iommu=nopt'])
  expect(iommuWords(amdIommu())).toEqual(['iommu=nopt'])
  expect(iommuWords(virtioIommu())).toEqual(['iommu=nopt'])
})

describe('options that exclude each other are refused', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['first stage without scalable mode', () => intelIommu({ firstStage: true }), /only in scalable mode/],
    ['first stage with 39 bits', () => intelIommu({ scalable: true, firstStage: true, addressBits: 39 }), /page tables of four levels/],
    ['PASIDs without scalable mode', () => intelIommu({ pasidBits: 8 }), /only in scalable mode/],
    ['svm without PASIDs', () => intelIommu({ scalable: true, firstStage: true, deviceIotlb: true, svm: true }), /without pasidBits: 20/],
    ['svm without first stage', () => intelIommu({ scalable: true, deviceIotlb: true, pasidBits: 20, svm: true }), /without firstStage: true/],
    ['svm without device IOTLB', () => intelIommu({ scalable: true, firstStage: true, pasidBits: 20, svm: true }), /without deviceIotlb: true/],
    ['a PASID of 21 bits', () => intelIommu({ scalable: true, pasidBits: 21 }), /1 to 20 bits/],
    ['an IOVA of 31 bits', () => virtioIommu({ addressBits: 31 }), /32 to 64 bits/],
  ])('%s', (_, make, message) => {
    const refused = errorOf(make)
    expect(refused).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE' })
    expect(refused.message).toMatch(message)
  })
})
