import type { ErrnoTable } from './errno-table.ts'

/** Every refusal that is known of every ioctl. */
export const REFUSALS: ErrnoTable = {}
