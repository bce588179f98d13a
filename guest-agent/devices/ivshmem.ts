import { VFIO } from '../uapi/vfio.ts'

/** QEMU's ivshmem-plain (docs/specs/ivshmem-spec.rst): the BAR that is memory, all of it. */
export const RAM_BAR = VFIO.VFIO_PCI_BAR2_REGION_INDEX
