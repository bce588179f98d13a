import { MOST_PASID_BITS } from './iommus.ts'
import type { IommuSpec } from './machine-spec.ts'
import { type Asking, needDevice, propertyName } from './qemu-offer.ts'

const SLOT = 2

/** The value of `-device` for a vIOMMU, in the dialect of this QEMU. Throws yours/QEMU_LACKS. */
export const iommuDevice = (iommu: IommuSpec, asking: Asking): string => {
  switch (iommu.kind) {
    case 'intel': return intel(iommu, asking)
    case 'amd': return amd(iommu, asking)
    case 'virtio': return virtio(iommu, asking)
  }
}

/** Words of the kernel's command line. `iommu=nopt`: default domains translate, so that a device outside of VFIO is isolated as well. */
export const iommuWords = (iommu: IommuSpec): readonly string[] => {
  if (iommu.kind !== 'intel') return ['iommu=nopt']
  return [iommu.scalable ? 'intel_iommu=on,sm_on' : 'intel_iommu=on', 'iommu=nopt']
}

const intel = (iommu: Extract<IommuSpec, { kind: 'intel' }>, asking: Asking): string => {
  needDevice(asking, 'intel-iommu', '2.2')
  const property = (names: readonly string[], since: string) => propertyName(asking, 'intel-iommu', names, since)
  return [
    'intel-iommu',
    `intremap=${onOff(iommu.interruptRemapping)}`,
    `caching-mode=${onOff(iommu.cachingMode)}`,
    `${property(['aw-bits', 'x-aw-bits'], '2.12')}=${iommu.addressBits}`,
    ...(iommu.scalable ? [`${property(['scalable-mode', 'x-scalable-mode'], '4.0')}=on`] : []),
    ...(iommu.firstStage ? [`${property(['fsts', 'x-flts'], '10.0')}=on`] : []),
    ...(iommu.deviceIotlb ? ['device-iotlb=on'] : []),
    ...(iommu.pasidBits > 0 ? [pasid(iommu.pasidBits, property)] : []),
    ...(iommu.svm ? [`${property(['svm'], '11.0')}=on`] : []),
  ].join(',')
}

/** Before QEMU 11 it is a switch, and the width is 20 bits: another one is not to be had there. */
const pasid = (bits: number, property: (names: readonly string[], since: string) => string): string => {
  const name = bits === MOST_PASID_BITS ? property(['pasid-bits', 'x-pasid-mode'], '7.1') : property(['pasid-bits'], '11.0')
  return name === 'pasid-bits' ? `pasid-bits=${bits}` : `${name}=on`
}

const amd = (iommu: Extract<IommuSpec, { kind: 'amd' }>, asking: Asking): string => {
  needDevice(asking, 'amd-iommu', '2.8')
  return [
    'amd-iommu',
    `intremap=${onOff(iommu.interruptRemapping)}`,
    // Without it a device that is told of mappings, as one in another process is, cannot stand behind this IOMMU.
    ...(asking.offer.properties.get('amd-iommu')?.has('dma-remap') === true ? ['dma-remap=on'] : []),
    ...(iommu.deviceIotlb ? ['device-iotlb=on'] : []),
  ].join(',')
}

const virtio = (iommu: Extract<IommuSpec, { kind: 'virtio' }>, asking: Asking): string => {
  needDevice(asking, 'virtio-iommu-pci', '6.1')
  const width = iommu.addressBits === undefined ? '' : `,${propertyName(asking, 'virtio-iommu-pci', ['aw-bits'], '9.0')}=${iommu.addressBits}`
  return `virtio-iommu-pci,bus=pcie.0,addr=${SLOT}${width}`
}

const onOff = (on: boolean): string => (on ? 'on' : 'off')
