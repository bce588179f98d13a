import type { ErrnoTable } from './errno-table.ts'
import { AMD_IOMMUFD, DISPATCHED, DMABUF_TRACKED, PARENT_PROTECTED, RESPONDED } from './iommufd-refusals.ts'
import { ALLOCATION, AMD_V2, BUG, DIRTY, DMABUF, NESTING, NO_VIOMMU } from './reasons.ts'
import { COUNTED, FORMATTED, MAPPED, OBJECT, PINNED, PINNED_FILE, PINNED_USER, READ, never } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2. Both have every function below, but for hwpt_noiommu.c and what IOMMU_IOAS_NOIOMMU_GET_PA calls: 7.3 only.
// Left out: the drivers of Arm, RISC-V and Hyper-V, which no guest of the lab has; and ENOTTY, which belongs to no ioctl.

/** What the ioctls of page tables and of the IOMMU behind a device can be refused with. */
export const HWPT_ERRNOS: ErrnoTable = {
  IOMMU_HWPT_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_alloc', when: 'the reserved field is not zero' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_alloc',
      when: 'data without a type or a type without data, or a parent that cannot be one',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no device has the dev_id, or no fault queue the fault_id' },
    { errno: 'ENODEV', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_paging_alloc', when: 'the device has lost its IOMMU (7.3)', cannot: BUG },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_paging_alloc',
      when: 'a flag that the driver, the device or a fault queue does not go with',
    },
    ...OBJECT,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hwpt_noiommu.c:noiommu_alloc_paging_flags', when: 'a flag or data for a device without an IOMMU (7.3)' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/hwpt_noiommu.c:noiommu_alloc_paging_flags', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/iommu.c:intel_iommu_domain_alloc_paging_flags',
      when: 'data for a page table of an Intel IOMMU that is no nested one',
    },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/iommu.c:intel_iommu_domain_alloc_second_stage', when: 'a nest parent, which the Intel IOMMU cannot have' },
    { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:paging_domain_alloc', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_flags', when: 'data, or a flag that the AMD IOMMU does not go with' },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v1',
      when: 'the AMD IOMMU has no page tables of the host', cannot: 'the AMD IOMMU of QEMU has them',
    },
    // unsure: 65534 page tables are slow to make (several IOASs help) and take some 400 MiB
    { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v1', when: 'all 65535 domain ids of the AMD IOMMU are taken' },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v2',
      when: 'the AMD IOMMU has no page tables of version 2', cannot: 'other page tables are tried then, or the flag was refused before',
    },
    {
      errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v2',
      when: 'all 65535 domain ids of the AMD IOMMU are taken', cannot: AMD_V2,
    },
    { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:__iommu_paging_domain_alloc_flags', when: 'the device has no IOMMU', cannot: BUG },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommu.c:__iommu_paging_domain_alloc_flags',
      when: 'the driver makes no page tables', cannot: 'every driver of a guest makes page tables',
    },
    {
      errno: 'ENOMEM', at: 'drivers/iommu/iommu.c:__iommu_paging_domain_alloc_flags',
      when: 'the driver gives no reason', cannot: 'every driver of a guest gives a reason',
    },
    {
      errno: 'ENODEV', at: 'drivers/iommu/virtio-iommu.c:viommu_domain_alloc_paging',
      when: 'the smallest page of virtio-iommu is larger than the page of the guest', cannot: 'binding the device needs such a page table before',
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:viommu_domain_alloc_paging', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOSPC', at: 'lib/idr.c:ida_alloc_range', when: 'every domain id of virtio-iommu is taken', cannot: 'needs two billion page tables' },
    ...FORMATTED,
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_paging_enforce_cc',
      when: 'the driver cannot do the cache coherency that it promised', cannot: BUG,
    },
    { errno: 'EEXIST', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain', when: 'the IOAS has the domain already', cannot: BUG },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain',
      when: 'the smallest page of the IOMMU is larger than a page', cannot: 'no IOMMU of x86 has such pages, and virtio-iommu cannot be bound with them',
    },
    { errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova_alignment', when: 'a mapping of the IOAS is no whole pages' },
    {
      errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_reserve_iova',
      when: 'a mapping or an allowed range lies outside of what the IOMMU can address',
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_reserve_iova', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain', when: 'an allocation fails', cannot: ALLOCATION },
    ...never(DMABUF, DMABUF_TRACKED),
    ...READ,
    ...PINNED,
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the process that mapped the memory is gone' },
    ...PINNED_USER,
    ...PINNED_FILE,
    PARENT_PROTECTED,
    ...MAPPED,
    ...COUNTED,
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_nested_alloc',
      when: 'in a page table: a wrong flag, no data, or a driver without nesting',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_nested_alloc', when: 'in a page table that was not made a nest parent' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/nested.c:intel_iommu_domain_alloc_nested', when: 'a wrong flag or type of data', cannot: NESTING },
    { errno: 'EINVAL', at: 'drivers/iommu/intel/nested.c:intel_iommu_domain_alloc_nested', when: 'the parent is no second stage', cannot: NESTING },
    { errno: 'EINVAL', at: 'include/linux/iommu.h:__iommu_copy_struct_from_user', when: 'the data is too short or too long', cannot: NESTING },
    { errno: 'ENOMEM', at: 'drivers/iommu/intel/nested.c:intel_iommu_domain_alloc_nested', when: 'an allocation fails', cannot: NESTING },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_viommu_alloc_hwpt_nested',
      when: 'in a vIOMMU: a wrong flag, no data, or a driver without nesting', cannot: NO_VIOMMU,
    },
    ...RESPONDED,
  ],

  IOMMU_GET_HW_INFO: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/device.c:iommufd_get_hw_info', when: 'an unknown flag, a reserved byte, or a device without an IOMMU' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no device has this id' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/iommu.c:intel_iommu_hw_info', when: 'another type is asked for than that of the Intel IOMMU' },
    { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:intel_iommu_hw_info', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommufd.c:amd_iommufd_hw_info',
      when: 'another type is asked for than that of the AMD IOMMU', cannot: AMD_IOMMUFD,
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommufd.c:amd_iommufd_hw_info', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/device.c:iommufd_get_hw_info', when: 'the place for the data lies in no memory' },
    ...RESPONDED,
  ],

  IOMMU_HWPT_SET_DIRTY_TRACKING: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_set_dirty_tracking', when: 'an unknown flag is set' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no page table has this id' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_set_dirty_tracking', when: 'the page table was not made for dirty tracking' },
    // ops->read_and_clear_dirty is made by a macro for each format of generic_pt.
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_clear_dirty_data',
      when: 'the format of the page table has no dirty bits', cannot: DIRTY,
    },
    { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul', when: 'the length of a mapping is zero', cannot: DIRTY },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul', when: 'a mapping ends above the highest IOVA', cannot: DIRTY },
    { errno: 'ERANGE', at: 'drivers/iommu/generic_pt/pt_iter.h:pt_check_range', when: 'a mapping lies outside of what the page table spans', cannot: DIRTY },
    { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/pt_iter.h:pt_descend', when: 'an entry has no table below it', cannot: DIRTY },
    { errno: 'ENODEV', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_dirty_tracking', when: 'the Intel IOMMU has no entry for the device', cannot: DIRTY },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_dirty_tracking',
      when: 'the Intel IOMMU translates the device in another way', cannot: DIRTY,
    },
  ],

  IOMMU_HWPT_GET_DIRTY_BITMAP: [
    ...DISPATCHED,
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_get_dirty_bitmap',
      when: 'an unknown flag is set or the reserved field is not zero',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no page table has this id' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iommufd_check_iova_range', when: 'the range ends above the highest IOVA' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iommufd_check_iova_range',
      when: 'the page size is zero, or the range is off it or off the alignment of the IOAS',
    },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/io_pagetable.c:iommu_read_and_clear_dirty', when: 'the page table was not made for dirty tracking' },
    // Beyond, what iova_bitmap_for_each returns is dropped: neither a hole in the range nor a bitmap in no memory is told.
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iommu_read_and_clear_dirty', when: 'an allocation fails', cannot: DIRTY },
  ],

  IOMMU_HWPT_INVALIDATE: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_invalidate', when: 'the reserved field is not zero' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_invalidate',
      when: 'entries that are nowhere, empty, over a page or too many; or no nested page table',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no object has this id' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/intel/nested.c:intel_nested_cache_invalidate_user',
      when: 'a wrong type of data, or an address off a page', cannot: NESTING,
    },
    { errno: 'EINVAL', at: 'include/linux/iommu.h:__iommu_copy_struct_from_user_array', when: 'there is no entry', cannot: NESTING },
    { errno: 'EINVAL', at: 'include/linux/iommu.h:__iommu_copy_struct_from_user', when: 'an entry is too short or too long', cannot: NESTING },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/nested.c:intel_nested_cache_invalidate_user',
      when: 'an unknown flag or a reserved field of an entry', cannot: NESTING,
    },
    // It answers also when it refuses, and what iommufd_ucmd_respond says becomes this.
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_invalidate', when: 'the struct lies in memory that cannot be written' },
  ],
}
