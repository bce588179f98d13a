import type { ErrnoTable, Refusal } from './errno-table.ts'

// Read in Linux 7.3-rc7 and 7.2. Both have every function below, but for hwpt_noiommu.c and what IOMMU_IOAS_NOIOMMU_GET_PA calls: 7.3 only.
// Left out: the drivers of Arm, RISC-V and Hyper-V, which no guest of the lab has; and ENOTTY, which belongs to no ioctl.

// The kernels of the lab have no CONFIG_MEMCG and no CONFIG_FAULT_INJECTION. With either of them an allocation can be made to fail.
const ALLOCATION = 'only a failing allocation gives it'
const BUG = 'only a bug of the kernel gives it, with a warning'
const TEST = 'needs CONFIG_IOMMUFD_TEST'
const DEBUG_PT = 'needs CONFIG_DEBUG_GENERIC_PT and a bug of the kernel'
const KILLED = 'only a process that is being killed gets it, and it never sees it'
const ALIGNED = 'ranges are checked against the alignment of the domains before'
const DOMAIN_FITS = 'IOVAs outside of what the domain can hold are reserved before'
const FORMAT = 'no driver asks for a page table that its format does not have'
const NESTING = 'needs an IOMMU with nested translation, which QEMU does not emulate'
const DIRTY = 'needs an IOMMU with dirty tracking, which QEMU does not emulate'
const NO_VIOMMU = 'needs a vIOMMU object, and no IOMMU that QEMU emulates on x86 can have one'
const DMABUF = 'needs CONFIG_VFIO_PCI_DMABUF, which the kernels of the lab leave out'
const AMD_IOMMUFD = 'needs CONFIG_AMD_IOMMU_IOMMUFD, which the kernels of the lab leave out'
const AMD_V2 = 'needs AMD page tables of version 2, which QEMU does not emulate'

const never = (cannot: string, refusals: readonly Refusal[]): readonly Refusal[] => refusals.map((refusal) => ({ ...refusal, cannot }))

/** The way into every ioctl. */
const DISPATCHED: readonly Refusal[] = [
  { errno: 'EFAULT', at: 'drivers/iommu/iommufd/main.c:iommufd_fops_ioctl', when: 'the size of the struct lies in no memory' },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/main.c:iommufd_fops_ioctl', when: 'the struct is shorter than its first version' },
  { errno: 'E2BIG', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'bytes beyond the struct that the kernel knows are not zero' },
  { errno: 'EFAULT', at: 'lib/usercopy.c:check_zeroed_user', when: 'bytes beyond the struct that the kernel knows lie in no memory' },
  { errno: 'EFAULT', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'part of the struct lies in no memory' },
]

/** The way out of those ioctls that answer in their struct. */
const RESPONDED: readonly Refusal[] = [
  { errno: 'EFAULT', at: 'drivers/iommu/iommufd/iommufd_private.h:iommufd_ucmd_respond', when: 'the struct lies in memory that cannot be written' },
]

const OBJECT: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EBUSY', at: 'lib/xarray.c:__xa_alloc', when: 'every object id of the context is taken', cannot: 'needs two billion objects' },
]

const UCMD_OBJECT: readonly Refusal[] = [
  { errno: 'EBUSY', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc_ucmd', when: 'the ioctl has made an object already', cannot: BUG },
  { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc_ucmd', when: 'the object has to be undone under a lock', cannot: BUG },
  ...OBJECT,
]

/** iommufd_eventq_init: a file and a descriptor for it. */
const EVENT_FILE: readonly Refusal[] = [
  { errno: 'ENOENT', at: 'fs/anon_inodes.c:__anon_inode_getfile', when: 'the module is being unloaded', cannot: 'the open /dev/iommu keeps the module' },
  {
    errno: 'ENODEV', at: 'fs/anon_inodes.c:__anon_inode_getfile',
    when: 'the inode of anonymous files is missing', cannot: 'every kernel makes it when it boots',
  },
  { errno: 'EINVAL', at: 'fs/file_table.c:alloc_path_pseudo', when: 'the inode of anonymous files is a directory', cannot: BUG },
  { errno: 'ENOMEM', at: 'fs/file_table.c:alloc_path_pseudo', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENFILE', at: 'fs/file_table.c:alloc_empty_file', when: 'fs.file-max files are open and the caller lacks CAP_SYS_ADMIN' },
  { errno: 'ENOMEM', at: 'fs/file_table.c:alloc_empty_file', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EMFILE', at: 'fs/file.c:alloc_fd', when: 'the process has as many descriptors as RLIMIT_NOFILE allows' },
  { errno: 'EMFILE', at: 'fs/file.c:expand_files', when: 'the next descriptor is not below fs.nr_open' },
  { errno: 'EMFILE', at: 'fs/file.c:alloc_fdtable', when: 'a table with room for the next descriptor would exceed fs.nr_open' },
  { errno: 'ENOMEM', at: 'fs/file.c:alloc_fdtable', when: 'an allocation fails', cannot: ALLOCATION },
]

/** iopt_alloc_area_pages: where the mapping goes. */
const AREA: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_area_pages', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_area_pages', when: 'the length is no multiple of the alignment of the IOAS' },
  { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_iova', when: 'half of the address space or more, with no IOVA given' },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_iova', when: 'the memory begins off the alignment of the IOAS, with no IOVA given' },
  { errno: 'ENOSPC', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_alloc_iova', when: 'no free allowed range of IOVAs is long enough' },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova',
    when: 'the IOVA is off the alignment of the IOAS or the range meets a reserved one',
  },
  { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova', when: 'the range ends above the highest IOVA' },
  { errno: 'EEXIST', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova', when: 'the range meets a mapping' },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area', when: 'the memory begins off the alignment of the IOAS, at a given IOVA' },
]

/** A dma-buf is told of the domains that have it. */
const DMABUF_TRACKED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_all_domains', when: 'the mapping is tracked already', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'the pages are no dma-buf or tracked already', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_dmabuf_track_domain', when: 'an allocation fails', cannot: ALLOCATION },
]

/** pfn_reader: what goes into a domain. Only with a domain in the IOAS. */
const READ: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_first', when: 'the range is backwards', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:__batch_init', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:__batch_init', when: 'the batch has no room for one page', cannot: TEST },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_next', when: 'a step reads no page', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_fill_span', when: 'no mapping holds pages that a domain is said to hold', cannot: BUG },
]

const PINNED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the range is backwards', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'mm/gup.c:try_grab_folio', when: 'the page is free', cannot: BUG },
  {
    errno: 'EREMOTEIO', at: 'mm/gup.c:try_grab_folio',
    when: 'the page is memory of a PCI device', cannot: 'needs CONFIG_PCI_P2PDMA, which the kernels of the lab leave out',
  },
  {
    errno: 'EBUSY', at: 'mm/gup.c:migrate_longterm_unpinnable_folios',
    when: 'device memory cannot be moved to be pinned', cannot: 'needs CONFIG_MIGRATION, which the kernels of the lab leave out',
  },
  {
    errno: 'ENOMEM', at: 'mm/gup.c:migrate_longterm_unpinnable_folios',
    when: 'movable memory cannot be moved to be pinned', cannot: 'needs CONFIG_MIGRATION, which the kernels of the lab leave out',
  },
]

/** Memory by its address. */
const PINNED_USER: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'mm/gup.c:gup_fast_fallback', when: 'a flag that may not be there', cannot: BUG },
  {
    errno: 'EOVERFLOW', at: 'mm/gup.c:gup_fast_fallback',
    when: 'the memory ends above the highest address', cannot: 'the end of the memory is computed before and fits',
  },
  { errno: 'EFAULT', at: 'mm/gup.c:gup_fast_fallback', when: 'the memory lies above what a process can have' },
  { errno: 'EAGAIN', at: 'mm/gup.c:__get_user_pages_locked', when: 'the caller is killed while it waits for its memory map', cannot: KILLED },
  { errno: 'EINTR', at: 'mm/gup.c:__get_user_pages_locked', when: 'the caller is killed while a page is brought', cannot: KILLED },
  { errno: 'EFAULT', at: 'mm/gup.c:__get_user_pages', when: 'nothing is mapped at the address' },
  { errno: 'EFAULT', at: 'mm/gup.c:check_vma_flags', when: 'PROT_NONE, not writable as asked, a written file on a disk, or the BAR of a device' },
  {
    errno: 'EOPNOTSUPP', at: 'mm/gup.c:check_vma_flags',
    when: 'the memory is a file with direct access', cannot: 'needs CONFIG_FS_DAX, which the kernels of the lab leave out',
  },
  { errno: 'EINTR', at: 'mm/gup.c:__get_user_pages', when: 'the caller is killed', cannot: KILLED },
  { errno: 'ENOMEM', at: 'include/linux/mm.h:vm_fault_to_errno', when: 'no memory for the page', cannot: ALLOCATION },
  { errno: 'EFAULT', at: 'include/linux/mm.h:vm_fault_to_errno', when: 'the page lies behind the end of its file, or no huge page is free' },
  // unsure: it needs a VM_MIXEDMAP mapping with special entries that is not VM_IO or VM_PFNMAP; no driver of the guests seems to make one
  {
    errno: 'EEXIST', at: 'mm/gup.c:follow_pfn_pte',
    when: 'the page table has an entry without a page', cannot: 'no driver of a guest maps such entries where pinning gets that far',
  },
]

/** Memory by its file. */
const PINNED_FILE: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'mm/gup.c:memfd_pin_folios', when: 'the file is no memfd and of no tmpfs or hugetlbfs, or the range ends behind its end' },
  { errno: 'EINVAL', at: 'mm/hugetlb.c:hugetlb_reserve_pages', when: 'the reservations of the file contradict each other', cannot: BUG },
  { errno: 'ENOMEM', at: 'mm/hugetlb.c:hugetlb_reserve_pages', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'mm/hugetlb.c:hugepage_subpool_get_pages', when: 'the hugetlbfs of the file is as large as its size option allows' },
  { errno: 'ENOMEM', at: 'mm/hugetlb.c:hugetlb_acct_memory', when: 'no huge page is free for a hole of the file' },
  {
    errno: 'ENOMEM', at: 'mm/memfd.c:memfd_alloc_folio',
    when: 'the huge page that was reserved is not there', cannot: 'the reservation just before holds a huge page',
  },
  {
    errno: 'EFBIG', at: 'mm/shmem.c:shmem_get_folio_gfp',
    when: 'the page lies behind what a file can have', cannot: 'ranges behind the end of the file are refused before',
  },
  // unsure: a race; the window is the pinning of the whole range, which is long for a large memfd
  { errno: 'EINVAL', at: 'mm/shmem.c:shmem_get_folio_gfp', when: 'the file is truncated while it is pinned' },
  {
    errno: 'EIO', at: 'mm/shmem.c:shmem_swapin_folio',
    when: 'the page cannot be read back from swap', cannot: 'needs CONFIG_SWAP, which the kernels of the lab leave out',
  },
  { errno: 'ENOMEM', at: 'mm/shmem.c:shmem_alloc_and_add_folio', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOSPC', at: 'mm/shmem.c:shmem_inode_acct_blocks', when: 'a hole of the file, and its tmpfs is full or vm.overcommit_memory forbids more' },
  {
    errno: 'EDQUOT', at: 'fs/quota/dquot.c:dquot_add_space',
    when: 'a hole of the file, and the quota of its tmpfs is used up', cannot: 'needs CONFIG_TMPFS_QUOTA, which the kernels of the lab leave out',
  },
]

/** iommu_map. The pt->ops->map_range that iommu_map_nosync invokes is made by a macro for each format of generic_pt. */
const MAPPED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_map_nosync', when: 'the domain cannot map, or neither reading nor writing is asked for', cannot: BUG },
  // unsure: by the physical address widths of QEMU; no memory of a guest lies above the 52 bits that every format holds
  {
    errno: 'ERANGE', at: 'drivers/iommu/iommu.c:iommu_map_nosync',
    when: 'the memory lies above what the page table can hold', cannot: 'no memory of a guest lies above 52 bits',
  },
  {
    errno: 'EINVAL', at: 'drivers/iommu/generic_pt/fmt/vtdss.h:vtdss_pt_iommu_set_prot',
    when: 'a read-only mapping in the parent of nested page tables', cannot: NESTING,
  },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul', when: 'the length is zero', cannot: BUG },
  {
    errno: 'EOVERFLOW', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul',
    when: 'the range ends above the highest IOVA', cannot: 'the range was checked when the mapping was made',
  },
  { errno: 'ENXIO', at: 'drivers/iommu/iommu.c:iommu_map_nosync', when: 'no page size fits the IOVA and the memory', cannot: ALIGNED },
  {
    errno: 'ERANGE', at: 'drivers/iommu/generic_pt/pt_iter.h:pt_check_range',
    when: 'the range lies outside of what the page table spans', cannot: DOMAIN_FITS,
  },
  { errno: 'ERANGE', at: 'drivers/iommu/generic_pt/iommu_pt.h:increase_top', when: 'the page table cannot grow to span the range', cannot: DOMAIN_FITS },
  { errno: 'EADDRINUSE', at: 'drivers/iommu/generic_pt/iommu_pt.h:__do_map_single_page', when: 'the page is mapped already', cannot: BUG },
  { errno: 'EADDRINUSE', at: 'drivers/iommu/generic_pt/iommu_pt.h:__map_range', when: 'a larger page is mapped there already', cannot: BUG },
  { errno: 'EADDRINUSE', at: 'drivers/iommu/generic_pt/iommu_pt.h:clear_contig', when: 'part of a large page is mapped already', cannot: BUG },
  { errno: 'EADDRINUSE', at: 'drivers/iommu/generic_pt/iommu_pt.h:__collect_tables', when: 'a page below a large page is mapped already', cannot: BUG },
  { errno: 'ENXIO', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_iommu_new_table', when: 'the level can have no table below it', cannot: DEBUG_PT },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_iommu_new_table', when: 'the entry cannot hold the address of a table', cannot: DEBUG_PT },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/pt_iter.h:pt_descend', when: 'an entry has no table below it', cannot: DEBUG_PT },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/pt_iter.h:pt_walk_descend', when: 'an entry has no table below it', cannot: DEBUG_PT },
  { errno: 'EPROTOTYPE', at: 'drivers/iommu/generic_pt/pt_iter.h:__pt_make_level_fn_err', when: 'the walk goes below the lowest level', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/generic_pt/iommu_pt.h:_table_alloc', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommu-pages.c:iommu_pages_start_incoherent',
    when: 'a page of the table cannot be mapped for flushing', cannot: 'x86 flushes caches without the DMA API',
  },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommu-pages.c:iommu_pages_start_incoherent',
    when: 'the DMA API translates a page of the table', cannot: 'x86 flushes caches without the DMA API',
  },
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:__iommu_map_domain_pgtbl', when: 'the driver has no call to map', cannot: BUG },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommu.c:__iommu_map_domain_pgtbl',
    when: 'the IOVA, the memory or the length is off the smallest page', cannot: ALIGNED,
  },
  {
    errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:viommu_map_pages',
    when: 'virtio-iommu does not offer the permission', cannot: 'every QEMU offers reading and writing, and only a dma-buf asks for MMIO',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:viommu_add_mapping', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:__viommu_add_req', when: 'the request has no place for an answer', cannot: BUG },
  { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:__viommu_add_req', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'EIO', at: 'drivers/virtio/virtio_ring.c:virtqueue_add_split',
    when: 'the queue of virtio-iommu is broken', cannot: 'QEMU breaks no queue whose driver keeps the rules',
  },
  {
    errno: 'ENOSPC', at: 'drivers/virtio/virtio_ring.c:virtqueue_add_split',
    when: 'the queue of virtio-iommu is full', cannot: 'a full queue is emptied first',
  },
  { errno: 'ENOMEM', at: 'drivers/virtio/virtio_ring.c:virtqueue_add_split', when: 'an allocation fails', cannot: ALLOCATION },
]

/** iopt_pages_update_pinned: who pays for what was pinned. */
const COUNTED: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_update_pinned', when: 'a failure is injected', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:incr_user_locked_vm', when: 'more than RLIMIT_MEMLOCK for the user, mapped without CAP_IPC_LOCK' },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:update_mm_locked_vm',
    when: 'the process that mapped the memory is gone', cannot: 'whoever has just pinned pages is not asked whether the process lives',
  },
  { errno: 'ENOMEM', at: 'mm/util.c:__account_locked_vm', when: 'more than RLIMIT_MEMLOCK for the process, mapped without CAP_IPC_LOCK in rlimit mode 1' },
]

/** The page table of a new domain. */
const FORMATTED: readonly Refusal[] = [
  {
    errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_iommu_init',
    when: 'the driver asks for address widths or features that do not go together', cannot: FORMAT,
  },
  {
    errno: 'EINVAL', at: 'drivers/iommu/generic_pt/fmt/amdv1.h:amdv1pt_iommu_fmt_init',
    when: 'the driver asks for a first level that AMD tables do not have', cannot: FORMAT,
  },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/generic_pt/fmt/vtdss.h:vtdss_pt_iommu_fmt_init',
    when: 'the driver asks for a top level that second-stage tables do not have', cannot: FORMAT,
  },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/generic_pt/fmt/x86_64.h:x86_64_pt_iommu_fmt_init',
    when: 'the driver asks for a top level that first-stage tables do not have', cannot: FORMAT,
  },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_init_common', when: 'the top level is higher than the format has', cannot: DEBUG_PT },
  {
    errno: 'EOPNOTSUPP', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_init_common',
    when: 'the driver asks for a feature or a width that the format does not have', cannot: FORMAT,
  },
  {
    errno: 'EOVERFLOW', at: 'drivers/iommu/generic_pt/iommu_pt.h:pt_iommu_init_domain',
    when: 'the addresses of the table do not fit a long', cannot: 'needs a 32-bit kernel',
  },
]

/** What the ioctls of /dev/iommu can be refused with, and reading and writing the files that two of them open. */
export const IOMMUFD_ERRNOS: ErrnoTable = {
  IOMMU_DESTROY: [
    ...DISPATCHED,
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_object_remove', when: 'no object has this id' },
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/main.c:iommufd_object_remove', when: 'another object, a device or an ioctl uses the object' },
    {
      errno: 'EBUSY', at: 'drivers/iommu/iommufd/main.c:iommufd_object_dec_wait',
      when: 'an ioctl that uses the object does not end in 60 seconds', cannot: 'an ioctl in progress is told by iommufd_object_remove already',
    },
  ],

  IOMMU_IOAS_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_alloc_ioctl', when: 'a flag is set' },
    ...OBJECT,
    ...RESPONDED,
  ],

  IOMMU_IOAS_ALLOW_IOVAS: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_allow_iovas', when: 'the reserved field is not zero' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_load_iovas', when: 'a range lies in no memory' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_load_iovas', when: 'a range does not end above its start or meets one before it' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_load_iovas', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_set_allow_iova',
      when: 'a range meets a reserved one, of a device or at the end of a domain',
    },
  ],

  IOMMU_IOAS_COPY: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_copy', when: 'an unknown flag is set' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_copy', when: 'the length or an IOVA is the highest number' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_copy', when: 'neither readable nor writable' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has one of the ids' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_pages', when: 'the length is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_pages', when: 'the source ends above the highest IOVA' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_pages', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_pages', when: 'part of the source is not mapped' },
    ...AREA,
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area', when: 'writable, of a source that was mapped for reading' },
    {
      errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'the mapping reaches beyond its pages', cannot: 'a part of a mapping that exists is within its pages',
    },
    ...never(DMABUF, DMABUF_TRACKED),
    ...READ,
    ...PINNED,
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the process that mapped the memory is gone' },
    ...PINNED_USER,
    ...PINNED_FILE,
    ...MAPPED,
    ...COUNTED,
    ...RESPONDED,
  ],

  IOMMU_IOAS_IOVA_RANGES: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_iova_ranges', when: 'the reserved field is not zero' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_iova_ranges', when: 'the place for the ranges lies in no memory' },
    ...RESPONDED,
    { errno: 'EMSGSIZE', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_iova_ranges', when: 'there are more ranges than the caller has room for' },
  ],

  IOMMU_IOAS_MAP: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map', when: 'an unknown flag is set or the reserved field is not zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map', when: 'the length or the IOVA is the highest number' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map', when: 'neither readable nor writable' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_user_pages', when: 'the memory ends above the highest address' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'the length is zero or less than a page below the highest number' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'an allocation fails', cannot: ALLOCATION },
    ...AREA,
    {
      errno: 'EPERM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'writable, of pages that are not', cannot: 'the pages are made writable exactly if the mapping is',
    },
    // unsure: read only. user_va 2, length 0xffffffffffffefff at a fixed IOVA 0 of an empty IOAS overflows the number of pages in iopt_alloc_pages:
    // EOVERFLOW with a WARN of the kernel
    {
      errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'the number of pages overflows: nearly the whole address space, off a page boundary',
    },
    ...READ,
    ...PINNED,
    {
      errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin',
      when: 'the process that mapped the memory is gone', cannot: 'the caller maps its own memory',
    },
    ...PINNED_USER,
    ...MAPPED,
    ...COUNTED,
    ...RESPONDED,
  ],

  IOMMU_IOAS_UNMAP: [
    ...DISPATCHED,
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    {
      errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_unmap',
      when: 'the length or the IOVA is the highest number, and not both ask for everything',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova', when: 'the length is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova', when: 'the range ends above the highest IOVA' },
    // unsure: a race; the window is the pinning of another mapping of the range, which is long for a large one
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range', when: 'another thread is mapping or unmapping in the range' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range', when: 'the range begins or ends inside a mapping' },
    // The source says EDEADLOCK, which is the same number.
    {
      errno: 'EDEADLK', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_unmap_iova_range',
      when: 'a driver keeps pages of the mapping 100 times', cannot: 'needs a mediated device whose driver ignores that pages are unmapped',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_unmap', when: 'nothing is mapped in the range' },
    ...RESPONDED,
  ],

  IOMMU_OPTION: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/main.c:iommufd_option', when: 'an unknown option or the reserved field is not zero' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_option_rlimit_mode', when: 'an object is given or the operation is unknown' },
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/ioas.c:iommufd_option_rlimit_mode', when: 'the rlimit mode is set without CAP_SYS_RESOURCE' },
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/ioas.c:iommufd_option_rlimit_mode', when: 'the rlimit mode is set in a context that has an object' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_option_rlimit_mode', when: 'the rlimit mode is set to more than 1' },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_option',
      when: 'an unknown option or the reserved field is not zero', cannot: 'iommufd_option has refused that before',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_disable_large_pages',
      when: 'huge pages are switched off under mappings that a domain has',
    },
    {
      errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova_alignment',
      when: 'huge pages are switched off and a mapping is no whole pages',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_option_huge_pages', when: 'huge pages are set to more than 1' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_option_huge_pages', when: 'the operation is unknown' },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/main.c:iommufd_option', when: 'the value lies in memory that cannot be written' },
  ],

  IOMMU_VFIO_IOAS: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_ioas', when: 'an unknown operation or the reserved field is not zero' },
    { errno: 'ENODEV', at: 'drivers/iommu/iommufd/vfio_compat.c:get_compat_ioas', when: 'the context has no IOAS for containers' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has the id that is to be for containers' },
    ...RESPONDED,
  ],

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

  IOMMU_FAULT_QUEUE_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_alloc', when: 'a flag is set' },
    ...UCMD_OBJECT,
    ...EVENT_FILE,
    ...RESPONDED,
  ],

  IOMMU_IOAS_MAP_FILE: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map_file', when: 'an unknown flag is set' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map_file', when: 'the length or the IOVA is the highest number' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_map_file', when: 'neither readable nor writable' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_map_file_pages', when: 'the length is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_map_file_pages', when: 'the range of the file ends above the highest number' },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_dmabuf_pages',
      when: 'a dma-buf in a kernel without', cannot: 'a kernel without dma-bufs takes no file for one',
    },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_dmabuf_pages',
      when: 'the range ends behind the dma-buf or has too many pages', cannot: DMABUF,
    },
    { errno: 'EBADF', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_map_file_pages', when: 'the descriptor is not open' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'the length is less than a page below the highest number' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_alloc_pages', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EINVAL', at: 'drivers/dma-buf/dma-buf.c:dma_buf_dynamic_attach', when: 'no dma-buf or no device', cannot: BUG },
    { errno: 'ENOMEM', at: 'drivers/dma-buf/dma-buf.c:dma_buf_dynamic_attach', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_dma_buf_attach',
      when: 'the importer can neither reach peers nor be revoked', cannot: 'iommufd can both',
    },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_dma_buf_attach', when: 'the device has taken back its dma-buf', cannot: DMABUF },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/pages.c:sym_vfio_pci_dma_buf_iommufd_map',
      when: 'the kernel has dma-bufs and none of VFIO', cannot: 'needs CONFIG_DMA_SHARED_BUFFER, which the kernels of the lab leave out',
    },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_dma_buf_iommufd_map',
      when: 'the dma-buf is not of VFIO or of several ranges', cannot: DMABUF,
    },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_dma_buf_iommufd_map', when: 'the device has taken back its dma-buf', cannot: DMABUF },
    ...AREA,
    {
      errno: 'EPERM', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'writable, of pages that are not', cannot: 'the pages are made writable exactly if the mapping is',
    },
    // unsure: as in IOMMU_IOAS_MAP, with start 2 of a memfd
    {
      errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_insert_area',
      when: 'the number of pages overflows: nearly the whole address space, off a page boundary',
    },
    ...never(DMABUF, DMABUF_TRACKED),
    ...READ,
    ...PINNED,
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'pinning does nothing and tells no reason', cannot: BUG },
    ...PINNED_FILE,
    ...MAPPED,
    ...COUNTED,
    ...RESPONDED,
  ],

  IOMMU_VIOMMU_ALLOC: [
    ...DISPATCHED,
    {
      errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/viommu.c:iommufd_viommu_alloc_ioctl',
      when: 'a flag, no type, a driver without vIOMMUs or a device without an IOMMU',
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no device has this id' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/viommu.c:iommufd_viommu_alloc_ioctl',
      when: 'the page table was not made a nest parent', cannot: AMD_IOMMUFD,
    },
    ...never(NO_VIOMMU, UCMD_OBJECT),
    ...never(NO_VIOMMU, RESPONDED),
  ],

  IOMMU_VDEVICE_ALLOC: [
    ...DISPATCHED,
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/viommu.c:iommufd_vdevice_alloc_ioctl',
      when: 'the device is behind another IOMMU than the vIOMMU is of', cannot: NO_VIOMMU,
    },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no vIOMMU has this id' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/viommu.c:iommufd_vdevice_alloc_ioctl', when: 'the device is being unbound', cannot: NO_VIOMMU },
    {
      errno: 'EEXIST', at: 'drivers/iommu/iommufd/viommu.c:iommufd_vdevice_alloc_ioctl',
      when: 'the device has a vDEVICE or the vIOMMU has the id', cannot: NO_VIOMMU,
    },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/viommu.c:iommufd_vdevice_alloc_ioctl', when: 'the driver says a wrong size', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, OBJECT),
    ...never(NO_VIOMMU, RESPONDED),
  ],

  IOMMU_IOAS_CHANGE_PROCESS: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_change_process', when: 'the reserved field is not zero' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/ioas.c:iommufd_take_all_iova_rwsem', when: 'an allocation fails', cannot: ALLOCATION },
    // unsure: a race; the window is the pinning of a mapping, which is long for a large one
    {
      errno: 'EBUSY', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_change_process',
      when: 'another thread is mapping or unmapping in an IOAS of the context',
    },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_change_process', when: 'a mapping of the context is not of a file' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:incr_user_locked_vm', when: 'more than RLIMIT_MEMLOCK of the caller, mapped without CAP_IPC_LOCK' },
    { errno: 'ENOMEM', at: 'mm/util.c:__account_locked_vm', when: 'more than RLIMIT_MEMLOCK of the caller, mapped without CAP_IPC_LOCK in rlimit mode 1' },
    // unsure: read only. It comes with a WARN of the kernel, after everything was handed over
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:update_mm_locked_vm', when: 'rlimit mode 1, mapped without CAP_IPC_LOCK by a process that is gone' },
  ],

  IOMMU_VEVENTQ_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'a flag, no type, or the reserved field is not zero' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'the depth is zero or over half a million' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no vIOMMU has this id' },
    { errno: 'EEXIST', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'the vIOMMU has a queue of this type', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, OBJECT),
    ...never(NO_VIOMMU, EVENT_FILE),
    ...never(NO_VIOMMU, RESPONDED),
  ],

  IOMMU_HW_QUEUE_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_ioctl', when: 'a flag or no type' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_ioctl', when: 'the length is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_ioctl', when: 'the queue ends above the highest IOVA' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no vIOMMU has this id' },
    ...never(NO_VIOMMU, UCMD_OBJECT),
    {
      errno: 'ERANGE', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_phys',
      when: 'the pages of the queue end above the highest IOVA', cannot: NO_VIOMMU,
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_phys', when: 'an allocation fails', cannot: NO_VIOMMU },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_access_attach_internal', when: 'the access has an IOAS already', cannot: NO_VIOMMU },
    { errno: 'EBUSY', at: 'drivers/iommu/iommufd/device.c:iommufd_access_change_ioas', when: 'the access is being detached', cannot: NO_VIOMMU },
    {
      errno: 'EADDRINUSE', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_check_iova_alignment',
      when: 'a mapping of the IOAS is no whole pages', cannot: NO_VIOMMU,
    },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/device.c:iommufd_access_pin_pages',
      when: 'the mapping is being unmapped or off a page boundary', cannot: NO_VIOMMU,
    },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/device.c:iommufd_access_pin_pages', when: 'the queue ends above the highest IOVA', cannot: NO_VIOMMU },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/device.c:iommufd_access_pin_pages', when: 'part of the queue is not mapped', cannot: NO_VIOMMU },
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/device.c:iommufd_access_pin_pages', when: 'the mapping is not readable', cannot: NO_VIOMMU },
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/pages.c:iopt_area_add_access', when: 'the pages are not writable', cannot: NO_VIOMMU },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:iopt_area_add_access', when: 'the mapping is of a dma-buf', cannot: NO_VIOMMU },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:iopt_area_add_access', when: 'an allocation fails', cannot: NO_VIOMMU },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the process that mapped the memory is gone', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, [...PINNED, ...PINNED_USER, ...PINNED_FILE, ...COUNTED]),
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pages_to_xarray', when: 'a failure is injected', cannot: TEST },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_phys', when: 'the pages of the queue are not contiguous', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, RESPONDED),
  ],

  // Linux 7.3 only.
  IOMMU_IOAS_NOIOMMU_GET_PA: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/iommufd_private.h:iommufd_ioas_noiommu_get_pa', when: 'the kernel has no CONFIG_IOMMUFD_NOIOMMU' },
    { errno: 'EPERM', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_noiommu_get_pa', when: 'the caller lacks CAP_SYS_RAWIO' },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_noiommu_get_pa', when: 'a flag is set or the reserved field is not zero' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_noiommu_get_pa', when: 'the length is zero' },
    { errno: 'EOVERFLOW', at: 'drivers/iommu/iommufd/ioas.c:iommufd_ioas_noiommu_get_pa', when: 'the IOVA is the highest number' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no IOAS has this id' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_phys', when: 'nothing is mapped at the IOVA' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_phys',
      when: 'the device has taken back the dma-buf that is mapped there', cannot: DMABUF,
    },
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/io_pagetable.c:iopt_get_phys', when: 'the IOAS has no page table, or its first one is of a real IOMMU' },
    ...RESPONDED,
  ],

  'read(fault queue)': [
    { errno: 'ESPIPE', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_read', when: 'the length is no multiple of a fault' },
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_read',
      when: 'the next faults, which belong together, do not fit: with length 0 no fault does',
    },
    { errno: 'EBUSY', at: 'lib/xarray.c:__xa_alloc', when: 'every cookie of the queue is taken', cannot: 'needs four billion faults without an answer' },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_read', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_read', when: 'a fault is there and the place for it lies in no memory' },
    // A vEVENTQ is read in the same way.
    { errno: 'ESPIPE', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_fops_read', when: 'a vEVENTQ is read at an offset', cannot: NO_VIOMMU },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_fops_read', when: 'the next event of a vEVENTQ does not fit', cannot: NO_VIOMMU },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_deliver_fetch', when: 'an allocation fails', cannot: NO_VIOMMU },
    {
      errno: 'EFAULT', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_fops_read',
      when: 'the place for the event of a vEVENTQ lies in no memory', cannot: NO_VIOMMU,
    },
  ],

  'write(fault queue)': [
    { errno: 'ESPIPE', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_write', when: 'the length is no multiple of an answer' },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_write', when: 'the first answer lies in no memory' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_fops_write', when: 'the first answer has an unknown code or cookie' },
  ],
}
