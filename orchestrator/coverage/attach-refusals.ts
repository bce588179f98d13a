import type { Refusal } from './errno-table.ts'
import { ALLOCATION, AMD_V2, BUG, CRASH_KERNEL, DMABUF, HOST_NAMES_ALL, ONE_IOMMU, PM } from './reasons.ts'
import { COUNTED, FORMATTED, MAPPED, OBJECT, PINNED, PINNED_FILE, PINNED_USER, READ, VIRTIO_REQUEST } from './shared-refusals.ts'

// A device gets its page table: what ioctls of containers, groups and devices share of it. Read in Linux 7.3-rc7 and 7.2; both have every function below,
// but for that of hwpt_noiommu.c: 7.3 only. Where two functions are named the first one is that of 7.3.

const HARDWARE_MSI = 'no IOMMU of a guest leaves it to software where interrupts go'

/** A page table of virtio-iommu. It has no other way to block a device, either. */
const VIRTIO_PAGE_TABLE: readonly Refusal[] = [
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
    when: 'the smallest page of virtio-iommu is larger than the page of the guest', cannot: 'the virtio-iommu of a guest has pages of 4 KiB',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:viommu_domain_alloc_paging', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOSPC', at: 'lib/idr.c:ida_alloc_range', when: 'every domain id of virtio-iommu is taken', cannot: 'needs two billion page tables' },
]

/** A page table without flags and data for the IOMMU of a device. */
export const PAGE_TABLE: readonly Refusal[] = [
  ...VIRTIO_PAGE_TABLE,
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/iommu.c:intel_iommu_domain_alloc_second_stage',
    when: 'the Intel IOMMU has neither a first nor a second stage', cannot: 'every Intel IOMMU of QEMU has one of them',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:paging_domain_alloc', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v1',
    when: 'the AMD IOMMU has no page tables of the host', cannot: 'the AMD IOMMU of QEMU has them',
  },
  // unsure: 65534 page tables are slow to make, with IOMMU_HWPT_ALLOC in another process, and take some 400 MiB
  { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v1', when: 'all 65535 domain ids of the AMD IOMMU are taken' },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v2',
    when: 'the AMD IOMMU has no page tables of version 2', cannot: 'other page tables are tried then',
  },
  {
    errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:amd_iommu_domain_alloc_paging_v2',
    when: 'all 65535 domain ids of the AMD IOMMU are taken', cannot: AMD_V2,
  },
  ...FORMATTED,
]

export const NO_DOMAIN_ID: Refusal = {
  // It takes 65533 PASIDs of vfioUserDma({ pasidBits: 20 }), each with a page table of its own.
  errno: 'ENOSPC', at: 'drivers/iommu/intel/iommu.c:domain_attach_iommu', when: 'every domain id of the Intel IOMMU is taken',
}

/** Intel IOMMU: what every attach has in common, of a device or of a PASID. */
const INTEL_ATTACHED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:paging_domain_compatible', when: 'the page table is of neither stage', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:paging_domain_compatible_first_stage',
    when: 'the Intel IOMMU cannot walk such a first stage', cannot: ONE_IOMMU,
  },
  {
    errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:paging_domain_compatible_second_stage',
    when: 'the Intel IOMMU cannot walk such a second stage', cannot: ONE_IOMMU,
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/pasid.c:device_pasid_table_setup', when: 'an allocation fails', cannot: CRASH_KERNEL },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:domain_attach_iommu', when: 'an allocation fails', cannot: ALLOCATION },
  NO_DOMAIN_ID,
  { errno: 'EBUSY', at: 'drivers/iommu/intel/iommu.c:domain_attach_iommu', when: 'the page table has a domain id already', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:domain_setup_first_level', when: 'the first stage has neither 4 nor 5 levels', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_first_level',
    when: 'the Intel IOMMU has no such first stage', cannot: 'the page table was compared with the IOMMU before',
  },
  { errno: 'ENODEV', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_first_level', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EBUSY', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_first_level', when: 'the entry of the device or PASID is in use', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_second_level',
    when: 'the Intel IOMMU has no second stage', cannot: 'the page table was compared with the IOMMU before',
  },
  { errno: 'ENODEV', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_second_level', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EBUSY', at: 'drivers/iommu/intel/pasid.c:intel_pasid_setup_second_level', when: 'the entry of the device or PASID is in use', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/cache.c:domain_qi_batch_alloc', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/cache.c:cache_tag_assign', when: 'an allocation fails', cannot: ALLOCATION },
]

/** In some milliseconds of a reset of a bus, and in 100 of an FLR. */
export const AMID_RESET: Refusal = {
  errno: 'EBUSY', at: 'drivers/iommu/iommu.c:__iommu_group_set_domain_internal', when: 'a device of the group that has ATS is being reset',
}

/** The page table of a group becomes another one. */
const CHANGED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:__iommu_group_set_domain_internal', when: 'there is no page table', cannot: BUG },
  AMID_RESET,
]

/** iommu_attach_group, and what the drivers' attach_dev decides, for a page table that was made for the device's IOMMU. */
export const ATTACHED: readonly Refusal[] = [
  {
    errno: 'EBUSY', at: 'drivers/iommu/iommu.c:__iommu_attach_group',
    when: 'the group has the page table of somebody else', cannot: 'whoever owns the group has set its page table aside',
  },
  ...CHANGED,
  ...INTEL_ATTACHED,
  { errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:dmar_domain_attach_device', when: 'the page table is of neither stage', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:domain_context_mapping_one', when: 'a first stage in legacy mode', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:domain_context_mapping_one', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'EINVAL', at: 'drivers/iommu/amd/iommu.c:amd_iommu_attach_device',
    when: 'the AMD IOMMU cannot track what devices write', cannot: 'no page table of a guest tracks that',
  },
  { errno: 'EBUSY', at: 'drivers/iommu/amd/iommu.c:attach_device', when: 'the device has a page table already', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:pdom_attach_iommu', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOSPC', at: 'drivers/iommu/amd/iommu.c:pdom_attach_iommu', when: 'the page table knows the IOMMU already', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/amd/iommu.c:setup_gcr3_table', when: 'more PASIDs than the AMD IOMMU can have', cannot: AMD_V2 },
  { errno: 'EBUSY', at: 'drivers/iommu/amd/iommu.c:setup_gcr3_table', when: 'the device has a table of PASIDs already', cannot: AMD_V2 },
  { errno: 'ENOSPC', at: 'drivers/iommu/amd/iommu.c:setup_gcr3_table', when: 'all 65535 domain ids of the AMD IOMMU are taken', cannot: AMD_V2 },
  { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:setup_gcr3_table', when: 'an allocation fails', cannot: AMD_V2 },
  { errno: 'ENOMEM', at: 'drivers/iommu/amd/iommu.c:update_gcr3', when: 'an allocation fails', cannot: AMD_V2 },
  { errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:viommu_attach_dev', when: 'the page table is of another virtio-iommu', cannot: ONE_IOMMU },
  ...VIRTIO_REQUEST,
]

/** What ATTACHED leaves out, where the caller does not choose the page table. */
export const UNFIT: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:__iommu_attach_group', when: 'the page table was made for another driver', cannot: BUG },
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:__iommu_attach_device', when: 'the page table cannot be attached', cannot: BUG },
]

/** Where software has to say where interrupts go. */
export const MSI_COOKIE: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/dma-iommu.c:iommu_get_msi_cookie', when: 'the page table is one of the DMA API', cannot: HARDWARE_MSI },
  { errno: 'EEXIST', at: 'drivers/iommu/dma-iommu.c:iommu_get_msi_cookie', when: 'the page table has a cookie already', cannot: HARDWARE_MSI },
  { errno: 'ENOMEM', at: 'drivers/iommu/dma-iommu.c:iommu_get_msi_cookie', when: 'an allocation fails', cannot: HARDWARE_MSI },
]

/** The group is taken from the DMA API, and its devices are blocked. */
export const OWNED: readonly Refusal[] = [
  {
    errno: 'EBUSY', at: 'drivers/iommu/iommu.c:__iommu_take_dma_ownership',
    when: 'the group has a page table of its own', cannot: 'no driver of a guest attaches a page table by itself',
  },
  ...VIRTIO_PAGE_TABLE,
  ...CHANGED,
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommu.c:__iommu_device_set_domain',
    when: 'the firmware wants memory mapped one to one for the device', cannot: 'QEMU asks for no such memory',
  },
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:__iommu_attach_device', when: 'the page table that blocks cannot be attached', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:viommu_attach_dev', when: 'the page table is of another virtio-iommu', cannot: ONE_IOMMU },
  ...VIRTIO_REQUEST,
]

/** iommufd_device_bind. */
export const BOUND: readonly Refusal[] = [
  ...OBJECT,
  {
    errno: 'EINVAL', at: ['drivers/iommu/iommufd/device.c:iommufd_bind_iommu', 'drivers/iommu/iommufd/device.c:iommufd_device_bind'],
    when: 'the DMA of the device is not cache coherent', cannot: 'VFIO takes no such device',
  },
  {
    errno: 'ENODEV', at: 'drivers/iommu/iommufd/device.c:iommufd_get_group',
    when: 'the device is in no group', cannot: 'VFIO takes no device that is in no group and has an IOMMU',
  },
  {
    errno: 'ENOMEM', at: ['drivers/iommu/iommufd/device.c:iommufd_alloc_group', 'drivers/iommu/iommufd/device.c:iommufd_get_group'],
    when: 'an allocation fails', cannot: ALLOCATION,
  },
  {
    errno: 'EPERM', at: ['drivers/iommu/iommufd/device.c:iommufd_bind_iommu', 'drivers/iommu/iommufd/device.c:iommufd_device_bind'],
    when: 'interrupts are not remapped, and allow_unsafe_interrupts of iommufd is off',
  },
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_device_claim_dma_owner', when: 'there is no owner', cannot: BUG },
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:iommu_device_claim_dma_owner', when: 'the device is in no group', cannot: 'the group was looked for before' },
  { errno: 'EPERM', at: 'drivers/iommu/iommu.c:iommu_device_claim_dma_owner', when: 'another iommufd or a kernel driver has a device of the group' },
  ...OWNED,
]

/** pm_runtime_resume_and_get. */
export const RESUMED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/base/power/runtime.c:rpm_resume', when: 'the device could not be suspended or woken up before', cannot: PM },
  { errno: 'EACCES', at: 'drivers/base/power/runtime.c:rpm_resume', when: 'the device may not be woken up', cannot: PM },
]

/** vfio_pci_open_device: the first file of a device opens it. */
export const OPENED: readonly Refusal[] = [
  ...RESUMED,
  // unsure: vfioUserDma({ bars: { large: { bytes: 2 ** 62 } } }) should do it, if the firmware bears with it
  { errno: 'EINVAL', at: 'drivers/pci/setup-res.c:pci_enable_resources', when: 'a BAR has found no place in the address space' },
  { errno: 'ENODEV', at: 'arch/x86/kernel/apic/io_apic.c:mp_map_gsi_to_irq', when: 'the interrupt line leads to no I/O APIC', cannot: HOST_NAMES_ALL },
  // unsure: a race; the window is the reset, 100 ms for an FLR
  { errno: 'EAGAIN', at: 'drivers/pci/pci.c:pci_try_reset_function', when: 'the device is locked: sysfs resets it or changes its virtual functions' },
  { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_zdev.c:vfio_pci_zdev_open_device', when: 'the device is no function of zPCI', cannot: 's390 only' },
  { errno: 'ENOENT', at: 'drivers/vfio/pci/vfio_pci_zdev.c:vfio_pci_zdev_open_device', when: 'KVM cannot interpret for zPCI', cannot: 's390 only' },
  { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_config.c:vfio_config_init', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_config.c:vfio_msi_cap_len', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_config.c:alloc_perm_bits', when: 'an allocation fails', cannot: ALLOCATION },
  // unsure: vfioUserDma({ broken: ['extended-vendor-beyond'] }) should do it
  { errno: 'EINVAL', at: 'arch/x86/pci/mmconfig_64.c:pci_mmcfg_read', when: 'an extended capability goes on behind the end of config space' },
  // unsure: a cdev that was open before has to be bound after QEMU took the device away without asking the guest
  { errno: 'ENODEV', at: 'include/linux/pci.h:pcibios_err_to_errno', when: 'the device was taken away while VFIO still had it' },
]

/** What an IOAS can refuse a new page table for, and what then goes into it. */
const FILLED: readonly Refusal[] = [
  { errno: 'EEXIST', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain', when: 'the IOAS has the page table already', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain',
    when: 'the smallest page of the IOMMU is larger than a page', cannot: 'no IOMMU of a guest has such pages',
  },
  { errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova_alignment', when: 'a mapping of the IOAS is no whole pages' },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_add_domain', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'the pages are no dma-buf or tracked already', cannot: DMABUF },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'an allocation fails', cannot: DMABUF },
  ...READ,
  ...PINNED,
  { errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the process that mapped the memory is gone' },
  ...PINNED_USER,
  ...PINNED_FILE,
  // unsure: read only. Only MAP_DMA of a container that is an iommufd makes such a mapping
  {
    errno: 'EINVAL', at: 'drivers/iommu/generic_pt/fmt/vtdss.h:vtdss_pt_iommu_set_prot',
    when: 'a mapping is neither readable nor writable, behind an Intel IOMMU\'s second stage',
  },
  ...MAPPED,
  ...COUNTED,
]

/** A device or its PASID gets a page table of iommufd. What the page table and the IOMMU are like decides the rest, in CONNECTED. */
const TAKEN: readonly Refusal[] = [
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_table_enforce_dev_resv_regions',
    when: 'the driver reserves IOVAs for interrupts twice', cannot: BUG,
  },
  {
    errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_reserve_iova',
    when: 'a mapping or an allowed range meets IOVAs that the device or its IOMMU reserves',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_reserve_iova', when: 'an allocation fails', cannot: ALLOCATION },
]

/** iommufd_hw_pagetable_attach of a device, but for what only a page table of the caller's choice can be refused for. */
const CONNECTED: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/device.c:iommufd_hw_pagetable_attach', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_hw_pagetable_attach', when: 'another device of the group has another page table' },
  ...TAKEN,
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/device.c:iommufd_hwpt_attach_device', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_attach_group_handle', when: 'there is no handle', cannot: BUG },
  ...ATTACHED,
]

/** A device gets a page table that iommufd makes for an IOAS. */
export const IOAS_ATTACHED: readonly Refusal[] = [
  { errno: 'ENODEV', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_paging_alloc', when: 'the device has lost its IOMMU (7.3)', cannot: BUG },
  ...OBJECT,
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/hwpt_noiommu.c:noiommu_alloc_paging_flags', when: 'an allocation fails (7.3)', cannot: ALLOCATION },
  ...PAGE_TABLE,
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/hw_pagetable.c:iommufd_hwpt_paging_enforce_cc',
    when: 'the driver cannot do the cache coherency that it promised', cannot: BUG,
  },
  ...CONNECTED,
  ...FILLED,
]

/** What more can be refused where the caller chooses the page table, whether there was one before, and a PASID. */
export const CHOSEN: readonly Refusal[] = [
  { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no object has the pt_id' },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_device_change_pt', when: 'the object is neither an IOAS nor a page table' },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_hwpt_attach_device',
    when: 'a page table with a fault queue for a virtual function with page requests', cannot: 'no virtual function of QEMU has page requests',
  },
  // unsure: read only. PASID 0 is no PASID for the rest of iommufd, and the device is attached without one
  { errno: 'EBUSY', at: 'lib/xarray.c:__xa_insert', when: 'PASID 0, and the device is attached already' },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_hwpt_pasid_compat',
    when: 'a PASID or a device with PASIDs, and a page table that was not made for PASIDs',
  },
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:__iommu_attach_group', when: 'the page table was made for a device without an IOMMU (7.3)' },
  {
    errno: 'ENODEV', at: 'drivers/iommu/intel/iommu.c:intel_iommu_enable_iopf',
    when: 'a page table with a fault queue, and the device makes no page requests',
  },
  { errno: 'ENODEV', at: 'drivers/iommu/io-pgfault.c:iopf_queue_add_device', when: 'the driver cannot answer page requests', cannot: BUG },
  { errno: 'EBUSY', at: 'drivers/iommu/io-pgfault.c:iopf_queue_add_device', when: 'the page requests of the device go to another queue already', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/io-pgfault.c:iopf_queue_add_device', when: 'an allocation fails', cannot: ALLOCATION },
  // Instead of another page table.
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_device_do_replace', when: 'the device has no page table that could be replaced', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_hwpt_replace_device',
    when: 'a page table with a fault queue for a virtual function with page requests', cannot: 'no virtual function of QEMU has page requests',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/device.c:iommufd_hwpt_replace_device', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_replace_group_handle', when: 'there is no handle or no page table', cannot: BUG },
  // unsure: read only. iommu_replace_group_handle does not compare the page table with the IOMMU as __iommu_attach_group does. An IOAS whose first
  // page table is of a noiommu device should do as well
  {
    errno: 'ENODEV', at: 'drivers/iommu/iommu.c:__iommu_attach_device',
    when: 'instead of another, a page table that was made for a device without an IOMMU (7.3)',
  },
  // A PASID.
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:iommu_attach_device_pasid', when: 'the device is in no group', cannot: BUG },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommu.c:iommu_attach_device_pasid',
    when: 'the driver of the IOMMU knows no PASIDs', cannot: 'only Intel\'s makes page tables for PASIDs, and it knows them',
  },
  // unsure: needs vfioUserDma({ pasidBits: ... }) behind an Intel IOMMU with PASIDs; nothing checks the PASID of a device that has none
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_attach_device_pasid', when: 'a device of the group has PASIDs, but none so high' },
  // unsure: a race; the window is a reset of a device of the group that has ATS, 100 ms for an FLR
  { errno: 'EBUSY', at: 'drivers/iommu/iommu.c:iommu_attach_device_pasid', when: 'a device of the group that has ATS is being reset' },
  { errno: 'EINVAL', at: 'drivers/iommu/intel/iommu.c:intel_iommu_set_dev_pasid', when: 'the page table is of neither stage', cannot: BUG },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/intel/iommu.c:intel_iommu_set_dev_pasid',
    when: 'the Intel IOMMU has no PASIDs', cannot: 'a device behind it has no PASIDs then, and the driver is not asked',
  },
  {
    errno: 'EBUSY', at: 'drivers/iommu/intel/iommu.c:intel_iommu_set_dev_pasid',
    when: 'the device goes on with the tables of an older kernel', cannot: CRASH_KERNEL,
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/intel/iommu.c:domain_add_dev_pasid', when: 'an allocation fails', cannot: ALLOCATION },
  // Instead of another page table of the PASID.
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:iommu_replace_device_pasid', when: 'the device is in no group', cannot: BUG },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommu.c:iommu_replace_device_pasid',
    when: 'the driver of the IOMMU knows no PASIDs', cannot: 'only Intel\'s makes page tables for PASIDs, and it knows them',
  },
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_replace_device_pasid', when: 'the PASID has no page table that could be replaced', cannot: BUG },
  // unsure: a race, as above
  { errno: 'EBUSY', at: 'drivers/iommu/iommu.c:iommu_replace_device_pasid', when: 'a device of the group that has ATS is being reset' },
]
