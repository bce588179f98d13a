import { type LabError, yours } from '../host/errors.ts'
import { requireKnownOptions } from './known-options.ts'
import type { IommuSpec } from './machine-spec.ts'

export interface IntelIommuOptions {
  /** Interrupts are remapped, so that a device can be attached without allow_unsafe_interrupts. Default true. */
  readonly interruptRemapping?: boolean
  /** The guest tells the IOMMU of new mappings too, not only of those that went away. Default false. */
  readonly cachingMode?: boolean
  /** Scalable mode (VT-d 3.0): PASID tables. Default false. */
  readonly scalable?: boolean
  /** First-stage translation (x86 page tables); needs `scalable` and 48 address bits. Default false. */
  readonly firstStage?: boolean
  /** Devices may cache translations (ATS). Default false. */
  readonly deviceIotlb?: boolean
  /** Width of a PASID, 1 to 20; needs `scalable`. Default 0: no PASIDs. QEMU before 11 has 20 or none. */
  readonly pasidBits?: number
  /** Shared virtual memory with page requests (QEMU 11); needs `scalable`, `firstStage`, `deviceIotlb` and `pasidBits`. Default false. */
  readonly svm?: boolean
  /** Width of an IOVA: three levels of page table or four. Default 48. */
  readonly addressBits?: 39 | 48
}

const INTEL_OPTIONS = [
  'interruptRemapping', 'cachingMode', 'scalable', 'firstStage', 'deviceIotlb', 'pasidBits', 'svm', 'addressBits',
] as const satisfies readonly (keyof IntelIommuOptions)[]

/** As the specification has it (VT-d 9.6). */
export const MOST_PASID_BITS = 20

/** Intel VT-d as QEMU emulates it (intel-iommu). Throws LabError yours/BAD_MACHINE for a combination that QEMU refuses. */
export const intelIommu = (options: IntelIommuOptions = {}): IommuSpec => {
  requireKnownOptions('intelIommu', options, INTEL_OPTIONS)
  const {
    interruptRemapping = true, cachingMode = false, scalable = false, firstStage = false, deviceIotlb = false, pasidBits = 0, svm = false, addressBits = 48,
  } = options
  const refuse = (asked: string, missing: string, because: string): LabError =>
    yours('BAD_MACHINE', `intelIommu({ ${asked} }) without ${missing}: ${because}`, { hint: `write intelIommu({ ${asked}, ${missing} })` })
  if (!Number.isInteger(pasidBits) || pasidBits < 0 || pasidBits > MOST_PASID_BITS) {
    throw yours('BAD_MACHINE', `intelIommu({ pasidBits: ${pasidBits} }): a PASID has 1 to ${MOST_PASID_BITS} bits`, { hint: '0 is an IOMMU without PASIDs' })
  }
  if (![39, 48].includes(addressBits)) {
    throw yours('BAD_MACHINE', `intelIommu({ addressBits: ${String(addressBits)} }): QEMU has page tables for 39 and for 48 bits`)
  }
  if (firstStage && !scalable) throw refuse('firstStage: true', 'scalable: true', 'first-stage translation exists only in scalable mode')
  if (firstStage && addressBits !== 48) {
    throw yours('BAD_MACHINE', `intelIommu({ firstStage: true, addressBits: ${addressBits} }): the first stage walks x86 page tables of four levels`, {
      hint: 'leave addressBits away: 48 is its default',
    })
  }
  if (pasidBits > 0 && !scalable) throw refuse(`pasidBits: ${pasidBits}`, 'scalable: true', 'PASID tables exist only in scalable mode')
  if (svm && !(pasidBits > 0)) throw refuse('svm: true', 'pasidBits: 20', 'a process\'s address space is named by its PASID')
  if (svm && !firstStage) throw refuse('svm: true', 'firstStage: true', 'a process\'s page tables are walked by the first stage')
  if (svm && !deviceIotlb) throw refuse('svm: true', 'deviceIotlb: true', 'page requests come from devices that translate by themselves')
  return { kind: 'intel', interruptRemapping, cachingMode, scalable, firstStage, deviceIotlb, pasidBits, svm, addressBits }
}

export interface AmdIommuOptions {
  /**
   * Interrupts are remapped. Default false: Linux 7.3 with it looks for its IOAPIC at the address of a bridge that QEMU does not have there, and
   * panics in alloc_irq_table before init.
   */
  readonly interruptRemapping?: boolean
  /** Devices may cache translations (ATS). Default false. */
  readonly deviceIotlb?: boolean
}

const AMD_OPTIONS = ['interruptRemapping', 'deviceIotlb'] as const satisfies readonly (keyof AmdIommuOptions)[]

/** AMD-Vi as QEMU emulates it (amd-iommu). */
export const amdIommu = (options: AmdIommuOptions = {}): IommuSpec => {
  requireKnownOptions('amdIommu', options, AMD_OPTIONS)
  const { interruptRemapping = false, deviceIotlb = false } = options
  return { kind: 'amd', interruptRemapping, deviceIotlb }
}

export interface VirtioIommuOptions {
  /** Width of an IOVA, 32 to 64 (QEMU 9). Default: QEMU's own. */
  readonly addressBits?: number
}

/** The paravirtual IOMMU (virtio-iommu-pci). On x86 it has no interrupt remapping. */
export const virtioIommu = (options: VirtioIommuOptions = {}): IommuSpec => {
  requireKnownOptions('virtioIommu', options, ['addressBits'])
  const { addressBits } = options
  if (addressBits === undefined) return { kind: 'virtio' }
  if (!Number.isInteger(addressBits) || addressBits < 32 || addressBits > 64) {
    throw yours('BAD_MACHINE', `virtioIommu({ addressBits: ${addressBits} }): an IOVA has 32 to 64 bits`)
  }
  return { kind: 'virtio', addressBits }
}
