import { yours } from '../host/errors.ts'
import { requireKnownOptions } from './known-options.ts'
import type { IommuSpec } from './machine-spec.ts'

export interface IntelIommuOptions {
  /** Interrupts are remapped, so that a device can be attached without allow_unsafe_interrupts. Default true. */
  readonly interruptRemapping?: boolean
  /** The guest tells the IOMMU of new mappings too, not only of those that went away. Default false. */
  readonly cachingMode?: boolean
  /** Scalable mode (VT-d 3.0): PASID tables. Default false. */
  readonly scalable?: boolean
  /** First-stage translation (x86 page tables, 48 bits); needs `scalable`. Default false. */
  readonly firstStage?: boolean
  /** Devices may cache translations (ATS). Default false. */
  readonly deviceIotlb?: boolean
}

const INTEL_OPTIONS = ['interruptRemapping', 'cachingMode', 'scalable', 'firstStage', 'deviceIotlb'] as const satisfies readonly (keyof IntelIommuOptions)[]

/** Intel VT-d as QEMU emulates it (intel-iommu). Throws LabError yours/BAD_MACHINE for a combination that QEMU refuses. */
export const intelIommu = (options: IntelIommuOptions = {}): IommuSpec => {
  requireKnownOptions('intelIommu', options, INTEL_OPTIONS)
  const { interruptRemapping = true, cachingMode = false, scalable = false, firstStage = false, deviceIotlb = false } = options
  if (firstStage && !scalable) {
    throw yours('BAD_MACHINE', 'intelIommu({ firstStage: true }) without scalable: first-stage translation exists only in scalable mode', {
      hint: 'write intelIommu({ scalable: true, firstStage: true })',
    })
  }
  return { kind: 'intel', interruptRemapping, cachingMode, scalable, firstStage, deviceIotlb }
}

/** The paravirtual IOMMU (virtio-iommu-pci). On x86 it has no interrupt remapping. */
export const virtioIommu = (): IommuSpec => ({ kind: 'virtio' })
