import type { IovaRange } from '../iommufd/ioas.ts'

/** What one mapping takes of the case's memory, in bytes. */
export interface MemoryPart {
  readonly offset: bigint
  readonly length: bigint
}

/**
 * One ioctl of a sequence, with all that it says; objects are named by the ids that the kernel gave them.
 * `iova` undefined: the kernel chooses.
 */
export type Call =
  | { readonly op: 'ioas-alloc' }
  | { readonly op: 'destroy'; readonly id: number }
  /** `access`: IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, or nothing. */
  | ({ readonly op: 'map'; readonly ioas: number; readonly iova: bigint | undefined; readonly access: number } & MemoryPart)
  | { readonly op: 'unmap'; readonly ioas: number; readonly iova: bigint; readonly length: bigint }
  | {
      readonly op: 'copy'
      /** Where to, and where from. */
      readonly ioas: number
      readonly source: number
      readonly from: bigint
      readonly length: bigint
      readonly iova: bigint | undefined
      readonly access: number
    }
  | { readonly op: 'allow'; readonly ioas: number; readonly ranges: readonly IovaRange[] }
  | { readonly op: 'ranges'; readonly ioas: number }
  | { readonly op: 'large-pages'; readonly ioas: number; readonly wanted: boolean }
  /** The ioctls of a type1 container, which work on the compatibility IOAS. */
  | { readonly op: 'set-vfio-ioas'; readonly ioas: number }
  | { readonly op: 'set-iommu'; readonly type: 'VFIO_TYPE1_IOMMU' | 'VFIO_TYPE1v2_IOMMU' }
  | ({ readonly op: 'map-dma'; readonly iova: bigint } & MemoryPart)
  | { readonly op: 'unmap-dma'; readonly iova: bigint; readonly length: bigint }
  /** Of the one device that is bound. `pt`: an IOAS or an HWPT. */
  | { readonly op: 'hwpt-alloc'; readonly pt: number }
  | { readonly op: 'attach'; readonly pt: number }
  | { readonly op: 'detach' }

/** The ioctl behind a call, as the uapi headers name it. */
export const IOCTL_OF = {
  'ioas-alloc': 'IOMMU_IOAS_ALLOC',
  'destroy': 'IOMMU_DESTROY',
  'map': 'IOMMU_IOAS_MAP',
  'unmap': 'IOMMU_IOAS_UNMAP',
  'copy': 'IOMMU_IOAS_COPY',
  'allow': 'IOMMU_IOAS_ALLOW_IOVAS',
  'ranges': 'IOMMU_IOAS_IOVA_RANGES',
  'large-pages': 'IOMMU_OPTION',
  'set-vfio-ioas': 'IOMMU_VFIO_IOAS',
  'set-iommu': 'VFIO_SET_IOMMU',
  'map-dma': 'VFIO_IOMMU_MAP_DMA',
  'unmap-dma': 'VFIO_IOMMU_UNMAP_DMA',
  'hwpt-alloc': 'IOMMU_HWPT_ALLOC',
  'attach': 'VFIO_DEVICE_ATTACH_IOMMUFD_PT',
  'detach': 'VFIO_DEVICE_DETACH_IOMMUFD_PT',
} as const satisfies Readonly<Record<Call['op'], string>>
