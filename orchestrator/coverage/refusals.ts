import type { ErrnoTable } from './errno-table.ts'
import { IOMMUFD_ERRNOS } from './iommufd-errnos.ts'

/** Every refusal that is known of every ioctl. */
export const REFUSALS: ErrnoTable = { ...IOMMUFD_ERRNOS }
