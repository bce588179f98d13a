import type { Refusal } from './errno-table.ts'
import { ALLOCATION, BUG, NESTING } from './reasons.ts'

// What several ioctls of /dev/iommu share.

export const AMD_IOMMUFD = 'needs CONFIG_AMD_IOMMU_IOMMUFD, which the kernels of the lab leave out'

/** The way into every ioctl. */
export const DISPATCHED: readonly Refusal[] = [
  { errno: 'EFAULT', at: 'drivers/iommu/iommufd/main.c:iommufd_fops_ioctl', when: 'the size of the struct lies in no memory' },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/main.c:iommufd_fops_ioctl', when: 'the struct is shorter than its first version' },
  { errno: 'E2BIG', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'bytes beyond the struct that the kernel knows are not zero' },
  { errno: 'EFAULT', at: 'lib/usercopy.c:check_zeroed_user', when: 'bytes beyond the struct that the kernel knows lie in no memory' },
  { errno: 'EFAULT', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'part of the struct lies in no memory' },
]

/** The way out of those ioctls that answer in their struct. */
export const RESPONDED: readonly Refusal[] = [
  { errno: 'EFAULT', at: 'drivers/iommu/iommufd/iommufd_private.h:iommufd_ucmd_respond', when: 'the struct lies in memory that cannot be written' },
]

/** A dma-buf is told of the domains that have it. */
export const DMABUF_TRACKED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_all_domains', when: 'the mapping is tracked already', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'the pages are no dma-buf or tracked already', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'an allocation fails', cannot: ALLOCATION },
]

/** Where an IOAS becomes a page table that others nest in. */
export const PARENT_PROTECTED: Refusal = {
  errno: 'EINVAL', at: 'drivers/iommu/generic_pt/fmt/vtdss.h:vtdss_pt_iommu_set_prot',
  when: 'a read-only mapping in the parent of nested page tables', cannot: NESTING,
}
