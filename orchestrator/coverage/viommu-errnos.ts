import type { ErrnoTable, Refusal } from './errno-table.ts'
import { AMD_IOMMUFD, DISPATCHED, RESPONDED } from './iommufd-refusals.ts'
import { ALLOCATION, BUG, NO_VIOMMU, TEST } from './reasons.ts'
import { ANONYMOUS_FILE, COUNTED, DESCRIPTOR, OBJECT, PINNED, PINNED_FILE, PINNED_USER, USER_PIN, never } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2. Both have every function below, but for hwpt_noiommu.c and what IOMMU_IOAS_NOIOMMU_GET_PA calls: 7.3 only.
// Left out: the drivers of Arm, RISC-V and Hyper-V, which no guest of the lab has; and ENOTTY, which belongs to no ioctl.

const UCMD_OBJECT: readonly Refusal[] = [
  { errno: 'EBUSY', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc_ucmd', when: 'the ioctl has made an object already', cannot: BUG },
  { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/main.c:_iommufd_object_alloc_ucmd', when: 'the object has to be undone under a lock', cannot: BUG },
  ...OBJECT,
]

/** What the ioctls of vIOMMUs, queues of faults and their files can be refused with. */
export const VIOMMU_ERRNOS: ErrnoTable = {
  IOMMU_FAULT_QUEUE_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/eventq.c:iommufd_fault_alloc', when: 'a flag is set' },
    ...UCMD_OBJECT,
    ...ANONYMOUS_FILE,
    ...DESCRIPTOR,
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

  IOMMU_VEVENTQ_ALLOC: [
    ...DISPATCHED,
    { errno: 'EOPNOTSUPP', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'a flag, no type, or the reserved field is not zero' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'the depth is zero or over half a million' },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'no vIOMMU has this id' },
    { errno: 'EEXIST', at: 'drivers/iommu/iommufd/eventq.c:iommufd_veventq_alloc', when: 'the vIOMMU has a queue of this type', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, OBJECT),
    ...never(NO_VIOMMU, [...ANONYMOUS_FILE, ...DESCRIPTOR]),
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
    ...never(NO_VIOMMU, [...USER_PIN, ...PINNED, ...PINNED_USER, ...PINNED_FILE, ...COUNTED]),
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/pages.c:pages_to_xarray', when: 'a failure is injected', cannot: TEST },
    { errno: 'EFAULT', at: 'drivers/iommu/iommufd/viommu.c:iommufd_hw_queue_alloc_phys', when: 'the pages of the queue are not contiguous', cannot: NO_VIOMMU },
    ...never(NO_VIOMMU, RESPONDED),
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
