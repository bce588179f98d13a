import { CONTAINER_ERRNOS } from './container-errnos.ts'
import { DEVICE_ERRNOS } from './device-errnos.ts'
import type { ErrnoTable } from './errno-table.ts'
import { FEATURE_ERRNOS } from './feature-errnos.ts'
import { GROUP_ERRNOS } from './group-errnos.ts'
import { IOMMUFD_ERRNOS } from './iommufd-errnos.ts'

/** Every refusal that is known of every ioctl. */
export const REFUSALS: ErrnoTable = { ...IOMMUFD_ERRNOS, ...CONTAINER_ERRNOS, ...GROUP_ERRNOS, ...DEVICE_ERRNOS, ...FEATURE_ERRNOS }
