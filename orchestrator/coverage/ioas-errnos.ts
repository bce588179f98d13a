import type { ErrnoTable, Refusal } from './errno-table.ts'
import { DISPATCHED, DMABUF_TRACKED, PARENT_PROTECTED, RESPONDED } from './iommufd-refusals.ts'
import { ALLOCATION, BUG, DMABUF } from './reasons.ts'
import { COUNTED, MAPPED, OBJECT, PINNED, PINNED_FILE, PINNED_USER, READ, never } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2. Both have every function below, but for hwpt_noiommu.c and what IOMMU_IOAS_NOIOMMU_GET_PA calls: 7.3 only.
// Left out: the drivers of Arm, RISC-V and Hyper-V, which no guest of the lab has; and ENOTTY, which belongs to no ioctl.

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

/** What the ioctls of an IOAS, and those that every object knows, can be refused with. */
export const IOAS_ERRNOS: ErrnoTable = {
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
    PARENT_PROTECTED,
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
    PARENT_PROTECTED,
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
    PARENT_PROTECTED,
    ...MAPPED,
    ...COUNTED,
    ...RESPONDED,
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
}
