import type { ErrnoTable, Refusal } from './errno-table.ts'
import { AMID_RESET, ATTACHED, BOUND, IOAS_ATTACHED, MSI_COOKIE, NO_DOMAIN_ID, OPENED, OWNED, PAGE_TABLE, UNFIT } from './attach-refusals.ts'
import { ALLOCATION, BUG, INSTRUCTIONS, ONE_IOMMU } from './reasons.ts'
import { ANONYMOUS_FILE, DESCRIPTOR, MAPPED, OBJECT, never, once } from './shared-refusals.ts'

/** One of these refusals is none here, and why. */
const without = (refusals: readonly Refusal[], which: Refusal, cannot: string): readonly Refusal[] =>
  refusals.map((refusal) => (refusal === which ? { ...refusal, cannot } : refusal))

/** A device that is being reset is locked: opening it is EAGAIN before it is bound or attached to anything. */
const whenOpened = (refusals: readonly Refusal[]): readonly Refusal[] =>
  without(refusals, AMID_RESET, 'needs a group of several devices one of which has ATS, and no machine of the lab has one')

// Read in Linux 7.3-rc7 and 7.2; both have every function below. A group's container is VFIO's own, with type1 or noiommu behind it, or an iommufd.

/** What ioctls of groups can be refused with. */
export const GROUP_ERRNOS: ErrnoTable = {
  VFIO_GROUP_GET_STATUS: [
    { errno: 'EFAULT', at: 'drivers/vfio/group.c:vfio_group_ioctl_get_status', when: 'the struct lies in no memory, or in such that cannot be written' },
    { errno: 'EINVAL', at: 'drivers/vfio/group.c:vfio_group_ioctl_get_status', when: 'argsz ends before the flags' },
    { errno: 'ENODEV', at: 'drivers/vfio/group.c:vfio_group_ioctl_get_status', when: 'the last device of the group has been unbound' },
  ],

  VFIO_GROUP_SET_CONTAINER: once([
    { errno: 'EFAULT', at: 'drivers/vfio/group.c:vfio_group_ioctl_set_container', when: 'the descriptor lies in no memory' },
    { errno: 'EBADF', at: 'drivers/vfio/group.c:vfio_group_ioctl_set_container', when: 'the descriptor is not open' },
    { errno: 'EINVAL', at: 'drivers/vfio/group.c:vfio_group_ioctl_set_container', when: 'the group has a container' },
    { errno: 'ENODEV', at: 'drivers/vfio/group.c:vfio_group_ioctl_set_container', when: 'the last device of the group has been unbound' },
    { errno: 'EPERM', at: 'drivers/vfio/container.c:vfio_container_attach_group', when: 'noiommu without CAP_SYS_RAWIO, or beside groups that have an IOMMU' },
    { errno: 'EINVAL', at: 'drivers/iommu/iommu.c:iommu_group_claim_dma_owner', when: 'there is no owner', cannot: BUG },
    { errno: 'EPERM', at: 'drivers/iommu/iommu.c:iommu_group_claim_dma_owner', when: 'a kernel driver has another device of the group' },
    ...OWNED,
    // The container has a type1 already.
    {
      errno: 'EBUSY', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'a mapping of the container has lost its memory by VFIO_DMA_UNMAP_FLAG_VADDR',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'a group twice, or one whose IOMMU does not reach the same IOVAs', cannot: ONE_IOMMU,
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group', when: 'an allocation fails', cannot: ALLOCATION },
    ...PAGE_TABLE,
    ...without(ATTACHED, NO_DOMAIN_ID, 'a group that goes into a container gives back the id of its own page table first'),
    ...UNFIT,
    { errno: 'ENOMEM', at: 'drivers/iommu/iommu.c:iommu_insert_resv_region', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_iova_insert', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_resv_exclude',
      when: 'every IOVA is reserved', cannot: 'no IOMMU of QEMU reserves everything',
    },
    // unsure: the first group has been asked the same; only a parameter that is switched off since then does it
    {
      errno: 'EPERM', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_type1_attach_group',
      when: 'interrupts are not remapped, and allow_unsafe_interrupts of type1 is off again',
    },
    // Only a group that does not fit a page table of the container gets what is mapped into one of its own. What is mapped for the first time then is
    // the memory of mediated devices.
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_iommu_type1.c:vfio_iommu_replay', when: 'something is mapped in no page table', cannot: BUG },
    ...never(ONE_IOMMU, MAPPED),
    ...MSI_COOKIE,
    // The container is an iommufd.
    {
      errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_compat_set_no_iommu',
      when: 'a noiommu group, and the iommufd has an IOAS for containers',
    },
    ...OBJECT,
    { errno: 'EINVAL', at: 'drivers/iommu/iommufd/vfio_compat.c:iommufd_vfio_compat_ioas_create', when: 'the iommufd has had a noiommu group' },
    { errno: 'EBADFD', at: 'drivers/vfio/group.c:vfio_group_ioctl_set_container', when: 'the file is neither a container nor an iommufd' },
  ]),

  VFIO_GROUP_UNSET_CONTAINER: [
    { errno: 'EINVAL', at: 'drivers/vfio/group.c:vfio_group_ioctl_unset_container', when: 'the group has no container' },
    { errno: 'EBUSY', at: 'drivers/vfio/group.c:vfio_group_ioctl_unset_container', when: 'a device of the group is open' },
  ],

  VFIO_GROUP_GET_DEVICE_FD: once([
    { errno: 'EFAULT', at: 'mm/util.c:strndup_user', when: 'the name lies in no memory' },
    { errno: 'EINVAL', at: 'mm/util.c:strndup_user', when: 'the name is longer than a page' },
    { errno: 'ENOMEM', at: 'mm/util.c:memdup_user', when: 'an allocation fails', cannot: ALLOCATION },
    // unsure: a race between the two reads of strndup_user
    { errno: 'EFAULT', at: 'mm/util.c:memdup_user', when: 'the name is unmapped while it is read' },
    { errno: 'ENODEV', at: 'drivers/vfio/group.c:vfio_device_get_from_name', when: 'no device of the group has this name' },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_match', when: 'behind the name, something else than one vf_token, or half of one' },
    { errno: 'EINVAL', at: 'lib/uuid.c:__uuid_parse', when: 'the vf_token is no UUID' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_match_token_uuid',
      when: 'a vf_token, and neither the device nor its physical function is one that takes it',
    },
    {
      errno: 'EACCES', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_match_token_uuid',
      when: 'the vf_token of a virtual function, or of a physical one in use, is missing or wrong',
    },
    ...DESCRIPTOR,
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_main.c:vfio_allocate_device_file', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EINVAL', at: 'drivers/vfio/group.c:vfio_df_group_open', when: 'the group has no container' },
    { errno: 'EPERM', at: 'drivers/vfio/group.c:vfio_df_group_open', when: 'noiommu in an iommufd without CAP_SYS_RAWIO, or with an IOAS for containers' },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_df_open', when: 'the device is open through its cdev', cannot: 'its group cannot be open then' },
    {
      errno: 'ENODEV', at: 'drivers/vfio/vfio_main.c:vfio_df_device_first_open',
      when: 'the driver is being unloaded', cannot: 'a module that has a device open is not unloaded, and one that has none is gone before anybody can ask',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/group.c:vfio_device_group_use_iommu', when: 'the group has no container', cannot: BUG },
    { errno: 'EINVAL', at: 'drivers/vfio/container.c:vfio_group_use_container', when: 'no VFIO_SET_IOMMU has been done' },
    { errno: 'EPERM', at: 'drivers/vfio/container.c:vfio_group_use_container', when: 'noiommu without CAP_SYS_RAWIO' },
    // The container is an iommufd.
    ...whenOpened(BOUND),
    ...OPENED,
    { errno: 'ENODEV', at: 'drivers/iommu/iommufd/vfio_compat.c:get_compat_ioas', when: 'the iommufd has lost its IOAS for containers' },
    { errno: 'EINVAL', at: 'drivers/vfio/iommufd.c:vfio_iommufd_physical_attach_ioas', when: 'the device is not bound', cannot: BUG },
    { errno: 'ENOENT', at: 'drivers/iommu/iommufd/main.c:iommufd_get_object', when: 'the IOAS for containers is destroyed meanwhile', cannot: INSTRUCTIONS },
    ...whenOpened(IOAS_ATTACHED),
    ...UNFIT,
    ...ANONYMOUS_FILE,
  ]),
}
