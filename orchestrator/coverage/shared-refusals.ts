import type { Refusal } from './errno-table.ts'
import { ALLOCATION, BUG, DEBUG_PT, FORMAT, KILLED, TEST } from './reasons.ts'

// What several ioctls share: files, memory, and what is mapped. Read in Linux 7.3-rc7 and 7.2; both have every function below.

const ALIGNED = 'ranges are checked against the alignment of the page tables before'
const DOMAIN_FITS = 'IOVAs outside of what the page table can hold are refused before'
const QEMU_ACCEPTS = 'QEMU accepts every request that this driver makes'

export const never = (cannot: string, refusals: readonly Refusal[]): readonly Refusal[] => refusals.map((refusal) => ({ ...refusal, cannot }))

/** Each errno of a function once, as something that can be provoked if it can anywhere in the list. */
export const once = (refusals: readonly Refusal[]): readonly Refusal[] => {
  const found = new Map<string, Refusal>()
  for (const refusal of refusals) {
    const pair = `${refusal.errno} ${String(refusal.at)}`
    const before = found.get(pair)
    if (before === undefined || (before.cannot !== undefined && refusal.cannot === undefined)) found.set(pair, refusal)
  }
  return [...found.values()]
}

/** get_unused_fd_flags: the next descriptor. */
export const DESCRIPTOR: readonly Refusal[] = [
  { errno: 'EMFILE', at: 'fs/file.c:alloc_fd', when: 'the process has as many descriptors as RLIMIT_NOFILE allows' },
  { errno: 'EMFILE', at: 'fs/file.c:expand_files', when: 'the next descriptor is not below fs.nr_open' },
  { errno: 'EMFILE', at: 'fs/file.c:alloc_fdtable', when: 'a table with room for the next descriptor would exceed fs.nr_open' },
  { errno: 'ENOMEM', at: 'fs/file.c:alloc_fdtable', when: 'an allocation fails', cannot: ALLOCATION },
]

/** alloc_file_pseudo. */
export const PSEUDO_FILE: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'fs/file_table.c:alloc_path_pseudo', when: 'the inode of the file is a directory', cannot: BUG },
  { errno: 'ENOMEM', at: 'fs/file_table.c:alloc_path_pseudo', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENFILE', at: 'fs/file_table.c:alloc_empty_file', when: 'fs.file-max files are open and the caller lacks CAP_SYS_ADMIN' },
  { errno: 'ENOMEM', at: 'fs/file_table.c:alloc_empty_file', when: 'an allocation fails', cannot: ALLOCATION },
]

/** anon_inode_getfile. */
export const ANONYMOUS_FILE: readonly Refusal[] = [
  {
    errno: 'ENOENT', at: 'fs/anon_inodes.c:__anon_inode_getfile',
    when: 'the module is being unloaded', cannot: 'the file that the ioctl is of keeps the module',
  },
  {
    errno: 'ENODEV', at: 'fs/anon_inodes.c:__anon_inode_getfile',
    when: 'the inode of anonymous files is missing', cannot: 'every kernel makes it when it boots',
  },
  ...PSEUDO_FILE,
]

/** eventfd_ctx_fdget. */
export const EVENTFD: readonly Refusal[] = [
  { errno: 'EBADF', at: 'fs/eventfd.c:eventfd_ctx_fdget', when: 'the descriptor is not open' },
  { errno: 'EINVAL', at: 'fs/eventfd.c:eventfd_ctx_fileget', when: 'the file is no eventfd' },
]

/** A new object of an iommufd. */
export const OBJECT: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EBUSY', at: 'lib/xarray.c:__xa_alloc', when: 'every object id of the context is taken', cannot: 'needs two billion objects' },
]

/** pfn_reader_user_pin: memory of a process, or a file. */
export const USER_PIN: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'the range is backwards', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_pin', when: 'an allocation fails', cannot: ALLOCATION },
]

/** pfn_reader: what an IOAS puts into a page table. */
export const READ: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_first', when: 'the range is backwards', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:__batch_init', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:__batch_init', when: 'the batch has no room for one page', cannot: TEST },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_next', when: 'a step reads no page', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_fill_span', when: 'no mapping holds pages that a page table is said to hold', cannot: BUG },
  ...USER_PIN,
]

/** What any page can be refused for that is to be pinned. */
export const PINNED: readonly Refusal[] = [
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

/** Memory by its address, while its map is held. */
export const WALKED: readonly Refusal[] = [
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

/** Memory by its address, for an IOAS. */
export const PINNED_USER: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'mm/gup.c:gup_fast_fallback', when: 'a flag that may not be there', cannot: BUG },
  {
    errno: 'EOVERFLOW', at: 'mm/gup.c:gup_fast_fallback',
    when: 'the memory ends above the highest address', cannot: 'the end of the memory is computed before and fits',
  },
  { errno: 'EFAULT', at: 'mm/gup.c:gup_fast_fallback', when: 'the memory lies above what a process can have' },
  { errno: 'EAGAIN', at: 'mm/gup.c:__get_user_pages_locked', when: 'the caller is killed while it waits for its memory map', cannot: KILLED },
  { errno: 'EINTR', at: 'mm/gup.c:__get_user_pages_locked', when: 'the caller is killed while a page is brought', cannot: KILLED },
  ...WALKED,
]

/** Memory by its file. */
export const PINNED_FILE: readonly Refusal[] = [
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

/** Whether a queue of virtio-iommu takes a request. */
const QUEUED: readonly Refusal[] = [
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

/** A request to virtio-iommu that waits for its answer. */
export const VIRTIO_REQUEST: readonly Refusal[] = [
  ...QUEUED,
  { errno: 'ENOSYS', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu does not know the request', cannot: QEMU_ACCEPTS },
  { errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu finds the request wrong', cannot: QEMU_ACCEPTS },
  { errno: 'ERANGE', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu cannot reach that far', cannot: QEMU_ACCEPTS },
  {
    errno: 'ENOENT', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno',
    when: 'virtio-iommu does not know the device or the page table', cannot: QEMU_ACCEPTS,
  },
  { errno: 'EFAULT', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu cannot read the request', cannot: QEMU_ACCEPTS },
  { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu has no memory', cannot: QEMU_ACCEPTS },
  { errno: 'EIO', at: 'drivers/iommu/virtio-iommu.c:viommu_get_req_errno', when: 'virtio-iommu failed or did not answer', cannot: QEMU_ACCEPTS },
]

/** iommu_map. The pt->ops->map_range that iommu_map_nosync invokes is made by a macro for each format of generic_pt. */
export const MAPPED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_map_nosync', when: 'the page table cannot map, or neither reading nor writing is asked for', cannot: BUG },
  // unsure: by the physical address widths of QEMU; no memory of a guest lies above the 52 bits that every format holds
  {
    errno: 'ERANGE', at: 'drivers/iommu/iommu.c:iommu_map_nosync',
    when: 'the memory lies above what the page table can hold', cannot: 'no memory of a guest lies above 52 bits',
  },
  { errno: 'EINVAL', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul', when: 'the length is zero', cannot: BUG },
  {
    errno: 'EOVERFLOW', at: 'drivers/iommu/generic_pt/iommu_pt.h:make_range_ul',
    when: 'the range ends above the highest IOVA', cannot: 'the range was checked before',
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
    when: 'virtio-iommu does not offer the permission', cannot: 'every QEMU offers reading and writing, and nothing here asks for more',
  },
  { errno: 'ENOMEM', at: 'drivers/iommu/virtio-iommu.c:viommu_add_mapping', when: 'an allocation fails', cannot: ALLOCATION },
  ...QUEUED,
]

/** iopt_pages_update_pinned: who pays for what was pinned. */
export const COUNTED: readonly Refusal[] = [
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:pfn_reader_user_update_pinned', when: 'a failure is injected', cannot: TEST },
  { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/pages.c:incr_user_locked_vm', when: 'more than RLIMIT_MEMLOCK for the user, mapped without CAP_IPC_LOCK' },
  {
    errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:update_mm_locked_vm',
    when: 'the process that mapped the memory is gone', cannot: 'whoever has just pinned pages is not asked whether the process lives',
  },
  { errno: 'ENOMEM', at: 'mm/util.c:__account_locked_vm', when: 'more than RLIMIT_MEMLOCK for the process, mapped without CAP_IPC_LOCK in rlimit mode 1' },
]

/** The format of a new page table. */
export const FORMATTED: readonly Refusal[] = [
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
