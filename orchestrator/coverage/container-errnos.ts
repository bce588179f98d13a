import type { ErrnoTable, Refusal } from './errno-table.ts'
import { ATTACHED, MSI_COOKIE, PAGE_TABLE, UNFIT } from './attach-refusals.ts'
import { ALLOCATION, BUG, DMABUF, KILLED, MDEV, ONE_IOMMU, POWERPC } from './reasons.ts'
import { COUNTED, MAPPED, PINNED, PINNED_USER, READ, WALKED, once } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2; both have every function below. A container is VFIO's own (container.c) with type1 or noiommu behind it, or an iommufd
// (vfio_compat.c). For what neither knows the iommufd says ENOIOCTLCMD, which fs/ioctl.c makes ENOTTY.

const EIGHT_TIB = 'needs a mapping of more than 8 TiB'
const CONTAINER = 'drivers/vfio/container.c:vfio_fops_unl_ioctl'

const NO_CONTAINER: Refusal = { errno: 'EINVAL', at: CONTAINER, when: 'the file has no container', cannot: BUG }

/** What is not of the container itself needs an IOMMU. */
const NO_IOMMU: Refusal = { errno: 'EINVAL', at: CONTAINER, when: 'no VFIO_SET_IOMMU has been done' }

/** A noiommu container knows VFIO_CHECK_EXTENSION alone. */
const NOIOMMU: Refusal = { errno: 'ENOTTY', at: 'drivers/vfio/container.c:vfio_noiommu_ioctl', when: 'the container is a noiommu one' }

/** An iommufd has an address space for containers from the first group on, and as long as nobody takes it away. */
const NO_IOAS: Refusal = { errno: 'ENODEV', at: 'drivers/iommu/iommufd/vfio_compat.c:get_compat_ioas', when: 'the iommufd has no IOAS for containers' }

/** vfio_pin_map_dma of type1: the memory is pinned and counted. */
const TYPE1_PINNED: readonly Refusal[] = [
  {
    errno: 'ENODEV', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_pin_pages_remote',
    when: 'the caller has no memory', cannot: 'only a thread of the kernel has none',
  },
  ...WALKED,
  { errno: 'EFAULT', at: 'mm/gup.c:get_gate_page', when: 'the address is that of the vsyscall page' },
  ...PINNED,
  {
    errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:vaddr_get_pfns',
    when: 'RAM that a driver maps without its pages', cannot: 'needs /dev/mem, which the kernels of the lab leave out',
  },
  { errno: 'EFAULT', at: 'mm/gup.c:fixup_user_fault', when: 'a BAR is mapped without the permission that is asked for' },
  { errno: 'EINTR', at: 'mm/gup.c:fixup_user_fault', when: 'the caller is killed', cannot: KILLED },
  // unsure: a race; the BAR has to be taken away again between the two looks at it
  { errno: 'EINVAL', at: 'mm/memory.c:follow_pfnmap_start', when: 'a page of a BAR goes as soon as it has come: memory is disabled meanwhile' },
  { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:follow_fault_pfn', when: 'writable, of a BAR that is mapped for reading and in use' },
  { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_pin_pages_remote', when: 'more than RLIMIT_MEMLOCK without CAP_IPC_LOCK' },
  { errno: 'ESRCH', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_lock_acct', when: 'the process is gone', cannot: 'the caller pins for itself' },
  { errno: 'EINTR', at: 'drivers/vfio/vfio_iommu_type1.c:mm_lock_acct', when: 'the caller is killed', cannot: KILLED },
  // unsure: while it pins, only a limit that another thread lowers does it; whoever takes over a mapping by VFIO_DMA_MAP_FLAG_VADDR just has to have a low one
  { errno: 'ENOMEM', at: 'mm/util.c:__account_locked_vm', when: 'more than RLIMIT_MEMLOCK without CAP_IPC_LOCK, of who takes over a mapping' },
]

/** What ioctls of containers can be refused with. */
export const CONTAINER_ERRNOS: ErrnoTable = {
  VFIO_GET_API_VERSION: [NO_CONTAINER],

  VFIO_CHECK_EXTENSION: [
    NO_CONTAINER,
    { errno: 'ENODEV', at: 'drivers/iommu/iommufd/vfio_compat.c:get_compat_ioas', when: 'VFIO_DMA_CC_IOMMU of an iommufd that has no IOAS for containers' },
  ],

  // Nothing is mapped yet, so type1 has nothing to put into the page table of the first group.
  VFIO_SET_IOMMU: once([
    NO_CONTAINER,
    { errno: 'EINVAL', at: 'drivers/vfio/container.c:vfio_ioctl_set_iommu', when: 'the container has no group, or an IOMMU already' },
    { errno: 'ENODEV', at: 'drivers/vfio/container.c:vfio_ioctl_set_iommu', when: 'no IOMMU driver for the groups of the container is of this type' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/container.c:vfio_noiommu_open',
      when: 'the type is not that of noiommu', cannot: 'who says that it has the type is asked before',
    },
    { errno: 'EPERM', at: 'drivers/vfio/container.c:vfio_noiommu_open', when: 'noiommu without CAP_SYS_RAWIO' },
    {
      errno: 'ENODEV', at: 'drivers/vfio/container.c:__vfio_container_attach_groups',
      when: 'the container has no group', cannot: 'vfio_ioctl_set_iommu has refused that before',
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_open', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_open', when: 'an extension of type1 that is no type: VFIO_UNMAP_ALL' },
    {
      errno: 'EBUSY', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'a mapping has lost its memory', cannot: 'nothing is mapped yet',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'a group twice, or groups whose IOMMUs do not reach the same IOVAs', cannot: ONE_IOMMU,
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group', when: 'an allocation fails', cannot: ALLOCATION },
    ...PAGE_TABLE,
    ...ATTACHED,
    ...UNFIT,
    { errno: 'ENOMEM', at: 'drivers/iommu/iommu.c:iommu_insert_resv_region', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_iova_insert', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_resv_exclude',
      when: 'every IOVA is reserved', cannot: 'no IOMMU of QEMU reserves everything',
    },
    {
      errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'interrupts are not remapped, and allow_unsafe_interrupts of type1 is off',
    },
    ...MSI_COOKIE,
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_set_iommu', when: 'noiommu without CAP_SYS_RAWIO' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_set_iommu',
      when: 'another type than those of type1, or than noiommu for an iommufd of noiommu groups',
    },
    NO_IOAS,
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_disable_large_pages', when: 'the old type1, over mappings that a page table has' },
    { errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova_alignment', when: 'the old type1, over a mapping that is no whole pages' },
  ]),

  VFIO_IOMMU_GET_INFO: [
    NO_IOMMU,
    NOIOMMU,
    {
      errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_get_info',
      when: 'the struct, or the place for the capabilities, lies in no memory',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_get_info', when: 'argsz ends before iova_pgsizes' },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_main.c:vfio_info_cap_add', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_iova_build_caps', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EFAULT', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_iommu_get_info',
      when: 'the struct, or the link between the capabilities, lies in no memory',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_iommu_get_info', when: 'argsz ends before iova_pgsizes' },
    NO_IOAS,
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_fill_cap_dma_avail', when: 'the place for the number of mappings lies in no memory' },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_fill_cap_iova', when: 'the place for the ranges of IOVAs lies in no memory' },
  ],

  VFIO_IOMMU_MAP_DMA: once([
    NO_IOMMU,
    NOIOMMU,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_map_dma', when: 'the struct lies in no memory' },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_map_dma', when: 'argsz ends before the size, or an unknown flag' },
    { errno: 'EOVERFLOW', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map', when: 'the IOVAs or the memory end above the highest address' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map',
      when: 'no size, off a page, reserved IOVAs, or flags or a mapping that do not go together',
    },
    { errno: 'ENOENT', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map', when: 'VFIO_DMA_MAP_FLAG_VADDR where nothing is mapped' },
    { errno: 'EEXIST', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map', when: 'the IOVAs meet a mapping' },
    { errno: 'ENOSPC', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map', when: 'the container has dma_entry_limit mappings' },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_map', when: 'an allocation fails', cannot: ALLOCATION },
    ...TYPE1_PINNED,
    ...MAPPED,
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_bitmap_alloc', when: 'too many pages to track which are written', cannot: EIGHT_TIB },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_bitmap_alloc', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_map_dma', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_map_dma',
      when: 'argsz ends before the size, or another flag than for reading and writing',
    },
    NO_IOAS,
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_user_pages', when: 'the memory ends above the highest address' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'the size is zero or less than a page below the highest number' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_area_pages', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_area_pages', when: 'the size is no multiple of the alignment of the IOAS' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova',
      when: 'the IOVA is off the alignment of the IOAS or the range meets a reserved one',
    },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova', when: 'the range ends above the highest IOVA' },
    { errno: 'EEXIST', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova', when: 'the range meets a mapping' },
    {
      errno: 'EPERM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'writable, of pages that are not', cannot: 'the pages are made writable exactly if the mapping is',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area', when: 'the memory begins off the alignment of the IOAS' },
    // unsure: as in IOMMU_IOAS_MAP: vaddr 2, size 0xffffffffffffefff at IOVA 0 of an empty IOAS, with a WARN of the kernel
    {
      errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'the number of pages overflows: nearly the whole address space, off a page boundary',
    },
    ...READ,
    {
      errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin',
      when: 'the process that mapped the memory is gone', cannot: 'the caller maps its own memory',
    },
    ...PINNED_USER,
    // unsure: read only. iommufd_vfio_map_dma takes neither flag, which IOMMU_IOAS_MAP refuses; a first stage and AMD's tables map it
    {
      errno: 'EINVAL', at: 'drivers/iommu/generic_pt/fmt/vtdss.h:vtdss_pt_iommu_set_prot',
      when: 'neither readable nor writable, in an iommufd, behind an Intel IOMMU\'s second stage',
    },
    ...COUNTED,
  ]),

  VFIO_IOMMU_UNMAP_DMA: [
    NO_IOMMU,
    NOIOMMU,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_unmap_dma', when: 'the struct or that of its bitmap lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_unmap_dma',
      when: 'too short, unknown flags or such that exclude each other, or a bitmap of the kernel',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:verify_bitmap_size', when: 'a bitmap without pages, or too short for its pages, or over 256 MiB' },
    { errno: 'EBUSY', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_unmap', when: 'VFIO_DMA_UNMAP_FLAG_VADDR with a mediated device', cannot: MDEV },
    { errno: 'EOVERFLOW', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_unmap', when: 'the range ends above the highest IOVA' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_do_unmap',
      when: 'off a page, no size, part of a mapping, memory lost twice, or a bitmap that does not fit',
    },
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:update_user_bitmap', when: 'the bitmap lies in no memory, and the range has a mapping' },
    {
      errno: 'EFAULT', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_unmap_dma',
      when: 'the struct lies in no memory, or in such that cannot be written',
    },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_unmap_dma',
      when: 'argsz ends before the size, another flag than for everything, or that with a range',
    },
    NO_IOAS,
    // With the old type1 alone: a mapping is cut where the range begins and ends.
    // unsure: a race; the window is the pinning of the mapping, which is long for a large one
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_area_split', when: 'the old type1, and another thread is mapping or unmapping there' },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_area_split',
      when: 'the old type1, and the range begins or ends inside a dma-buf', cannot: DMABUF,
    },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_area_split',
      when: 'the old type1, and the range begins or ends off a page inside a mapping',
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_area_split', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area', when: 'writable, of pages that are not', cannot: BUG },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'a part of a mapping begins off the alignment of the IOAS', cannot: BUG,
    },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area', when: 'a part of a mapping reaches beyond its pages', cannot: BUG },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova', when: 'the size is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova', when: 'the range ends above the highest IOVA' },
    // unsure: a race, as above
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range', when: 'another thread is mapping or unmapping in the range' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range', when: 'the range begins or ends inside a mapping' },
    // The source says EDEADLOCK, which is the same number.
    {
      errno: 'EDEADLK', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range',
      when: 'a driver keeps pages of the mapping 100 times', cannot: 'needs a mediated device whose driver ignores that pages are unmapped',
    },
  ],

  VFIO_IOMMU_ENABLE: [
    NO_IOMMU,
    NOIOMMU,
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_ioctl', when: 'the container is one of type1' },
    { errno: 'ENOTTY', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_ioctl', when: 'the container is an iommufd' },
    { errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_ioctl', when: 'the container is in use by another process', cannot: POWERPC },
    { errno: 'EBUSY', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_enable', when: 'the container is enabled already', cannot: POWERPC },
    { errno: 'ENODEV', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_enable', when: 'no group of the container has a table', cannot: POWERPC },
    { errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_enable', when: 'the table has no window of 32 bits', cannot: POWERPC },
    { errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_mm_set', when: 'the container is in use by another process', cannot: POWERPC },
    { errno: 'ENOMEM', at: 'mm/util.c:__account_locked_vm', when: 'the window is larger than RLIMIT_MEMLOCK', cannot: POWERPC },
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_ioctl', when: 'the container is of version 2', cannot: POWERPC },
  ],

  VFIO_IOMMU_DISABLE: [
    NO_IOMMU,
    NOIOMMU,
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_ioctl', when: 'the container is one of type1' },
    { errno: 'ENOTTY', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_ioctl', when: 'the container is an iommufd' },
    { errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_ioctl', when: 'the container is in use by another process', cannot: POWERPC },
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_iommu_spapr_tce.c:tce_iommu_ioctl', when: 'the container is of version 2', cannot: POWERPC },
  ],

  VFIO_IOMMU_DIRTY_PAGES: [
    NO_IOMMU,
    NOIOMMU,
    { errno: 'EACCES', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_dirty_pages', when: 'the container is of the old type1' },
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_dirty_pages', when: 'the struct, or its range, lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_dirty_pages',
      when: 'too short, not one known flag, a range off its pages, or no page is tracked',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_bitmap_alloc', when: 'too many pages to track which are written', cannot: EIGHT_TIB },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_dma_bitmap_alloc', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EOVERFLOW', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_dirty_pages', when: 'the range ends above the highest IOVA' },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:verify_bitmap_size', when: 'the bitmap is too short for the range, or over 256 MiB' },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iova_dirty_bitmap', when: 'the range begins or ends inside a mapping' },
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_iommu_type1.c:update_user_bitmap', when: 'the bitmap lies in no memory, and the range has a mapping' },
    { errno: 'ENOTTY', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_ioctl', when: 'the container is an iommufd' },
  ],
}
