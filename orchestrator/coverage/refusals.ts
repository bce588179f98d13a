import { CONTAINER_ERRNOS } from './container-errnos.ts'
import { DEVICE_ERRNOS } from './device-errnos.ts'
import type { ErrnoTable } from './errno-table.ts'
import { FEATURE_ERRNOS } from './feature-errnos.ts'
import { GROUP_ERRNOS } from './group-errnos.ts'
import { HWPT_ERRNOS } from './hwpt-errnos.ts'
import { IOAS_ERRNOS } from './ioas-errnos.ts'
import { VIOMMU_ERRNOS } from './viommu-errnos.ts'

/** Every refusal that is known of every ioctl. */
export const REFUSALS: ErrnoTable = {
  ...IOAS_ERRNOS, ...HWPT_ERRNOS, ...VIOMMU_ERRNOS, ...CONTAINER_ERRNOS, ...GROUP_ERRNOS, ...DEVICE_ERRNOS, ...FEATURE_ERRNOS,
}
