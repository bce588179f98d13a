import type { ErrnoTable, Refusal } from './errno-table.ts'
import { BOUND, CHOSEN, IOAS_ATTACHED, OPENED, RESUMED } from './attach-refusals.ts'
import { ALLOCATION, BUG, HOST_NAMES_ALL, MIGRATES, PM, SAMPLE } from './reasons.ts'
import { DESCRIPTOR, EVENTFD, VIRTIO_REQUEST, never, once } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2; both have every function below, but for what is marked 7.3. The device is a PCI device with vfio-pci. Left out, as no
// guest has them: devices that are no PCI devices, and what the drivers of certain devices (Intel graphics, mlx5, hisilicon, pds, qat, xe, nvgrace, virtio)
// refuse by themselves. The ioctls of graphics and migration have what the sample mediated devices say.

const CORE = 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_ioctl'
const VECTORS = 'needs 65536 interrupts or a failing allocation'
const IN_D0 = 'VFIO has just put the device into D0'
const NAMED = 'VFIO has counted the vectors of the device before'

/** The way into every ioctl but VFIO_DEVICE_BIND_IOMMUFD. */
const ENTERED: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_device_fops_unl_ioctl', when: 'the device is not bound to an iommufd' },
  { errno: 'EIO', at: 'drivers/vfio/vfio_main.c:vfio_device_pm_runtime_get', when: 'the device cannot be woken up', cannot: PM },
]

/** Page tables of iommufd are for devices that were opened through their cdev, in a kernel that has those. */
const CDEV_ONLY: Refusal = { errno: 'ENOTTY', at: CORE, when: 'the device was opened through its group' }

/** copy_struct_from_user. */
const LONGER: readonly Refusal[] = [
  { errno: 'E2BIG', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'bytes beyond the struct that the kernel knows are not zero' },
  { errno: 'EFAULT', at: 'lib/usercopy.c:check_zeroed_user', when: 'bytes beyond the struct that the kernel knows lie in no memory' },
  { errno: 'EFAULT', at: 'include/linux/uaccess.h:copy_struct_from_user', when: 'part of the struct lies in no memory' },
]

/** pci_alloc_irq_vectors: the first vectors of MSI or MSI-X. Fewer vectors than asked for are told as a number. ENOTSUPP is number 524. */
const VECTORS_ALLOCATED: readonly Refusal[] = [
  { errno: 'ERANGE', at: 'drivers/pci/msi/msi.c:__pci_enable_msix_range', when: 'eventfds for no vector from 0 on: start and count are 0' },
  {
    errno: 'EINVAL', at: 'drivers/pci/msi/msi.c:__pci_enable_msix_range',
    when: 'MSI-X is forbidden by the msi_bus of sysfs, or the user has put the device into D3',
  },
  { errno: 'ENOTSUPP', at: 'drivers/pci/msi/msi.c:__pci_enable_msix_range', when: 'the interrupt domain has no MSI-X', cannot: 'x86 has it' },
  { errno: 'ENOSPC', at: 'drivers/pci/msi/msi.c:__pci_enable_msix_range', when: 'the device has no vector', cannot: NAMED },
  { errno: 'ENODEV', at: 'drivers/pci/msi/msi.c:__pci_enable_msix_range', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ERANGE', at: 'drivers/pci/msi/msi.c:__pci_enable_msi_range', when: 'eventfds for no vector from 0 on: start and count are 0' },
  {
    errno: 'EINVAL', at: 'drivers/pci/msi/msi.c:__pci_enable_msi_range',
    when: 'MSI is forbidden by the msi_bus of sysfs, or the user has put the device into D3',
  },
  { errno: 'ENOTSUPP', at: 'drivers/pci/msi/msi.c:__pci_enable_msi_range', when: 'the interrupt domain has no MSI', cannot: 'x86 has it' },
  { errno: 'EINVAL', at: 'drivers/pci/msi/msi.c:pci_msi_vec_count', when: 'the device has no MSI', cannot: NAMED },
  { errno: 'ENOSPC', at: 'drivers/pci/msi/msi.c:__pci_enable_msi_range', when: 'the device has no vector', cannot: NAMED },
  { errno: 'ENODEV', at: 'drivers/pci/msi/msi.c:__pci_enable_msi_range', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOMEM', at: 'kernel/irq/msi.c:msi_setup_device_data', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'ENOMEM', at: 'drivers/pci/msi/msi.c:msix_capability_init',
    when: 'the table of MSI-X cannot be mapped', cannot: 'QEMU takes no device whose table lies outside of its BAR',
  },
  { errno: 'ENOMEM', at: 'kernel/irq/msi.c:msi_domain_insert_msi_desc', when: 'an allocation fails', cannot: ALLOCATION },
  {
    errno: 'ERANGE', at: 'kernel/irq/msi.c:msi_insert_desc',
    when: 'the vector is behind the last one of the device', cannot: 'the vectors were counted before',
  },
  {
    errno: 'EIO', at: 'drivers/pci/msi/msi.c:msi_verify_entries',
    when: 'interrupts go to an address that the device cannot drive', cannot: 'x86 has them below 4 GiB',
  },
]

/** One more vector of MSI-X. */
const VECTOR_ADDED: readonly Refusal[] = [
  { errno: 'ENOTSUPP', at: 'drivers/pci/msi/api.c:pci_msix_alloc_irq_at', when: 'vectors cannot be added later', cannot: 'VFIO asks for that before' },
  { errno: 'ENODEV', at: 'kernel/irq/msi.c:__msi_domain_alloc_irq_at', when: 'the device has no interrupt domain', cannot: BUG },
  { errno: 'ENOMEM', at: 'kernel/irq/msi.c:__msi_domain_alloc_irq_at', when: 'an allocation fails', cannot: ALLOCATION },
]

/** A vector gets an interrupt, and at the latest by request_irq a place in the table of a processor. */
const INTERRUPT: readonly Refusal[] = [
  { errno: 'EINVAL', at: 'kernel/irq/msi.c:__msi_domain_alloc_locked', when: 'more vectors than the device has', cannot: BUG },
  { errno: 'ENODEV', at: 'kernel/irq/msi.c:__msi_domain_alloc_locked', when: 'the device has no interrupt domain', cannot: BUG },
  { errno: 'EINVAL', at: 'kernel/irq/msi.c:__msi_domain_alloc_irqs', when: 'more vectors than asked for', cannot: BUG },
  { errno: 'ENOSPC', at: 'kernel/irq/msi.c:msi_handle_pci_fail', when: 'no interrupt is left', cannot: VECTORS },
  { errno: 'EINVAL', at: 'kernel/irq/matrix.c:irq_matrix_alloc', when: 'no processor may be interrupted', cannot: 'every online processor may' },
  // unsure: needs some 400 vectors with two processors, as two vfioUserDma({ interrupts: { msix: 256 } }) have
  { errno: 'ENOSPC', at: 'kernel/irq/matrix.c:irq_matrix_alloc', when: 'the tables of all processors are full' },
]

/** request_irq. */
const REQUESTED: readonly Refusal[] = [
  { errno: 'ENOTCONN', at: 'kernel/irq/manage.c:request_threaded_irq', when: 'the interrupt line goes nowhere', cannot: 'VFIO asks for that before' },
  { errno: 'EINVAL', at: 'kernel/irq/manage.c:request_threaded_irq', when: 'the interrupt does not exist or cannot be had', cannot: BUG },
  { errno: 'ENOMEM', at: 'kernel/irq/manage.c:request_threaded_irq', when: 'an allocation fails', cannot: ALLOCATION },
  { errno: 'ENOSYS', at: 'kernel/irq/manage.c:__setup_irq', when: 'the interrupt has no chip', cannot: BUG },
  { errno: 'ENODEV', at: 'kernel/irq/manage.c:__setup_irq', when: 'the driver of the chip is being unloaded', cannot: 'it is no module' },
  { errno: 'EINVAL', at: 'kernel/irq/manage.c:__setup_irq', when: 'the kind of interrupt and of its handler do not go together', cannot: BUG },
  { errno: 'ENOMEM', at: 'kernel/irq/manage.c:irq_setup_forced_threading', when: 'an allocation fails', cannot: ALLOCATION },
]

/** The function resets itself, or its bus does. A method that says ENOTTY is followed by the next one. */
const FUNCTION_RESET: readonly Refusal[] = [
  { errno: 'ENOTTY', at: 'drivers/pci/pci.c:pci_try_reset_function', when: 'sysfs has taken every reset_method from the device since it was opened' },
  // unsure: a race; the window is the other reset, 100 ms for an FLR
  { errno: 'EAGAIN', at: 'drivers/pci/pci.c:pci_try_reset_function', when: 'the device is locked: sysfs resets it or changes its virtual functions' },
  { errno: 'ENODEV', at: 'drivers/iommu/iommu.c:pci_dev_reset_iommu_prepare', when: 'the device is not in its group', cannot: BUG },
  { errno: 'EINVAL', at: 'drivers/iommu/virtio-iommu.c:viommu_attach_dev', when: 'the page table that blocks is of another virtio-iommu', cannot: BUG },
  ...VIRTIO_REQUEST,
  { errno: 'EINVAL', at: 'drivers/pci/pci.c:pci_pm_reset', when: 'the device is not in D0', cannot: IN_D0 },
  // unsure: vfioUserDma({ goneAfterResetMs: ... }) with more than a minute for each method
  { errno: 'ENOTTY', at: 'drivers/pci/pci.c:__pci_reset_function_locked', when: 'the device does not answer a minute after each kind of reset' },
]

/** vfio_pci_dev_set_hot_reset and pci_reset_bus. */
const BUS_RESET: readonly Refusal[] = [
  {
    errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_dev_set_hot_reset',
    when: 'a device on the bus is not bound to vfio-pci, or not among what the caller has',
  },
  ...RESUMED,
  // unsure: a race; the window is e.g. a reset of one of the devices, 100 ms for an FLR
  { errno: 'EBUSY', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_dev_set_hot_reset', when: 'another thread uses the memory of a device on the bus' },
  { errno: 'ENOTTY', at: 'drivers/pci/pci.c:pci_slot_reset', when: 'the slot cannot be reset', cannot: 'VFIO asks for that before' },
  { errno: 'ENOTTY', at: 'drivers/pci/pci.c:pci_bus_reset', when: 'the bus cannot be reset', cannot: 'VFIO asks for that before' },
  // unsure: a race, as above
  { errno: 'EAGAIN', at: 'drivers/pci/pci.c:pci_try_reset_slot', when: 'a device in the slot or its bridge is locked: sysfs resets it' },
  // unsure: a race, as above
  { errno: 'EAGAIN', at: 'drivers/pci/pci.c:pci_try_reset_bus', when: 'a device on the bus or its bridge is locked: sysfs resets it' },
  {
    errno: 'ENOTTY', at: 'drivers/pci/pci.c:pci_bridge_wait_for_secondary_bus',
    when: 'the link does not come back', cannot: 'every link that QEMU emulates comes back',
  },
  {
    errno: 'ENOTTY', at: 'drivers/pci/pci.c:pci_dev_wait',
    when: 'the device does not answer a minute after', cannot: 'no device of a guest stays away after a reset of its bus',
  },
]

/** vfio_pci_core_match_token_uuid. */
const TOKEN: readonly Refusal[] = [
  {
    errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_match_token_uuid',
    when: 'a token, and neither the device nor its physical function is one that takes it',
  },
  {
    errno: 'EACCES', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_match_token_uuid',
    when: 'the token of a virtual function, or of a physical one in use, is missing or wrong',
  },
]

/** What ioctls of devices can be refused with. VFIO_DEVICE_FEATURE is in feature-errnos.ts. */
export const DEVICE_ERRNOS: ErrnoTable = {
  VFIO_DEVICE_GET_INFO: [
    ...ENTERED,
    {
      errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_info',
      when: 'the struct, or the place for its capabilities, lies in no memory',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_info', when: 'argsz ends before num_irqs' },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_main.c:vfio_info_cap_add', when: 'an allocation fails', cannot: ALLOCATION },
  ],

  VFIO_DEVICE_GET_REGION_INFO: [
    ...ENTERED,
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_get_region_info', when: 'argsz ends before the offset' },
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_get_region_info', when: 'the struct, or the place for its capabilities, lies in no memory' },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_region_info', when: 'there is no such region, as that of VGA' },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_main.c:vfio_info_cap_add', when: 'an allocation fails', cannot: ALLOCATION },
  ],

  VFIO_DEVICE_GET_IRQ_INFO: [
    ...ENTERED,
    {
      errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_irq_info',
      when: 'the struct lies in no memory, or in such that cannot be written',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_irq_info',
      when: 'argsz ends before the count, or there is no such kind of interrupts',
    },
  ],

  VFIO_DEVICE_SET_IRQS: once([
    ...ENTERED,
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_set_irqs', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_set_irqs_validate_and_prepare',
      when: 'too short, unknown flags, not one kind of data, or no such interrupts',
    },
    { errno: 'ENOMEM', at: 'mm/util.c:memdup_user', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EFAULT', at: 'mm/util.c:memdup_user', when: 'the data lies in no memory' },
    { errno: 'ENOTTY', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_irqs_ioctl', when: 'not one action, or masking of something else than INTx' },
    // INTx.
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_intx_mask', when: 'INTx is not enabled, or count is not 1' },
    { errno: 'ENOTTY', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_intx_mask', when: 'an eventfd that masks' },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_intx_unmask', when: 'INTx is not enabled, or count is not 1' },
    { errno: 'ENOMEM', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EBADF', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'the descriptor of the eventfd that unmasks is not open' },
    { errno: 'EBUSY', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'another eventfd unmasks already' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_intx_trigger',
      when: 'MSI or MSI-X is enabled, count is not 1, or no eventfd and INTx not enabled',
    },
    ...EVENTFD,
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_intx_set_signal', when: 'INTx is enabled without a state', cannot: BUG },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_intx_enable',
      when: 'interrupts are enabled already', cannot: 'vfio_pci_set_intx_trigger has refused that before',
    },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_intx_enable', when: 'the interrupt line goes nowhere', cannot: HOST_NAMES_ALL },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_intx_enable', when: 'an allocation fails', cannot: ALLOCATION },
    ...REQUESTED,
    { errno: 'EBUSY', at: 'kernel/irq/manage.c:__setup_irq', when: 'INTx that cannot be masked in the device (nointxmask), and another has the line' },
    // MSI and MSI-X.
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_msi_trigger',
      when: 'another kind of interrupts is enabled, or no eventfd and these not enabled',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_msi_enable',
      when: 'interrupts are enabled already', cannot: 'vfio_pci_set_msi_trigger has refused that before',
    },
    ...VECTORS_ALLOCATED,
    ...INTERRUPT,
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_msi_alloc_irq', when: 'the vector is interrupt 0', cannot: BUG },
    { errno: 'EINVAL', at: 'drivers/pci/msi/api.c:pci_irq_vector', when: 'a vector of MSI behind those that the first call enabled' },
    ...VECTOR_ADDED,
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_msi_set_vector_signal', when: 'an allocation fails', cannot: ALLOCATION },
    // Errors of the device, and requests to give it back.
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_err_trigger',
      when: 'another interrupt than the only one', cannot: 'vfio_set_irqs_validate_and_prepare has refused that before',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_req_trigger',
      when: 'another interrupt than the only one', cannot: 'vfio_set_irqs_validate_and_prepare has refused that before',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_intrs.c:vfio_pci_set_ctx_trigger_single',
      when: 'data for no interrupt, no data where there is no eventfd, or descriptor -2',
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_eventfd_replace_locked', when: 'an allocation fails', cannot: ALLOCATION },
  ]),

  VFIO_DEVICE_RESET: [
    ...ENTERED,
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_reset', when: 'the device could not be reset when it was opened' },
    ...FUNCTION_RESET,
  ],

  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: [
    ...ENTERED,
    {
      errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info',
      when: 'the struct, or the place for the devices, lies in no memory',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info', when: 'argsz ends before the count' },
    {
      errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info',
      when: 'neither slot nor bus can be reset, as on the root bus',
    },
    { errno: 'ERANGE', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info', when: 'the bus has no device', cannot: BUG },
    { errno: 'ENOSPC', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info', when: 'the caller has room for too few devices' },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_get_pci_hot_reset_info', when: 'an allocation fails', cannot: ALLOCATION },
    {
      errno: 'EAGAIN', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_fill_devs', when: 'a device is plugged into the bus meanwhile',
      cannot: 'only a hot reset keeps the answer waiting, and a device that is found in the middle of one has the PCI core of 7.3-rc7 warn of a lock that nobody took',
    },
    {
      errno: 'EPERM', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_fill_devs',
      when: 'through a group: a device on the bus has none, as a noiommu one without vfio-pci',
    },
  ],

  VFIO_DEVICE_PCI_HOT_RESET: [
    ...ENTERED,
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset',
      when: 'too short, a flag, groups through a cdev, or no groups through a group',
    },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset', when: 'neither slot nor bus can be reset, as on the root bus' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset_groups',
      when: 'more groups than devices, or a file that is no group',
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset_groups', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset_groups', when: 'the descriptors of the groups lie in no memory' },
    { errno: 'EBADF', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_pci_hot_reset_groups', when: 'the descriptor of a group is not open' },
    ...BUS_RESET,
  ],

  VFIO_DEVICE_QUERY_GFX_PLANE: [
    ...ENTERED,
    { errno: 'ENOTTY', at: CORE, when: 'the device is a PCI device with vfio-pci' },
    { errno: 'EFAULT', at: 'samples/vfio-mdev/mdpy.c:mdpy_ioctl', when: 'the struct lies in no memory', cannot: SAMPLE },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mdpy.c:mdpy_ioctl', when: 'argsz ends before region_index', cannot: SAMPLE },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mdpy.c:mdpy_query_gfx_plane', when: 'other flags than for a region', cannot: SAMPLE },
    { errno: 'EFAULT', at: 'samples/vfio-mdev/mbochs.c:mbochs_ioctl', when: 'the struct lies in no memory', cannot: SAMPLE },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mbochs.c:mbochs_ioctl', when: 'argsz ends before region_index', cannot: SAMPLE },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mbochs.c:mbochs_query_gfx_plane', when: 'other flags than for a dma-buf', cannot: SAMPLE },
    { errno: 'ENOMEM', at: 'samples/vfio-mdev/mbochs.c:mbochs_query_gfx_plane', when: 'the first call for a picture, or an allocation fails', cannot: SAMPLE },
  ],

  VFIO_DEVICE_GET_GFX_DMABUF: [
    ...ENTERED,
    { errno: 'ENOTTY', at: CORE, when: 'the device is a PCI device with vfio-pci' },
    { errno: 'ENOTTY', at: 'samples/vfio-mdev/mdpy.c:mdpy_ioctl', when: 'a device whose pictures are regions', cannot: SAMPLE },
    { errno: 'EFAULT', at: 'samples/vfio-mdev/mbochs.c:mbochs_ioctl', when: 'the id lies in no memory', cannot: SAMPLE },
    { errno: 'ENOENT', at: 'samples/vfio-mdev/mbochs.c:mbochs_get_gfx_dmabuf', when: 'no dma-buf has this id', cannot: SAMPLE },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mbochs.c:mbochs_get_gfx_dmabuf', when: 'the dma-buf cannot be exported', cannot: SAMPLE },
    ...never(SAMPLE, DESCRIPTOR),
  ],

  VFIO_DEVICE_IOEVENTFD: [
    ...ENTERED,
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_ioeventfd', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_ioctl_ioeventfd',
      when: 'argsz ends before the descriptor, not one size, or a descriptor below -1',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_rdwr.c:vfio_pci_ioeventfd', when: 'no BAR, behind its end, over the table of MSI-X, or 8 bytes' },
    { errno: 'EINVAL', at: 'include/linux/vfio_pci_core.h:vfio_pci_core_get_iomap', when: 'there is no such BAR', cannot: BUG },
    { errno: 'ENODEV', at: 'include/linux/vfio_pci_core.h:vfio_pci_core_get_iomap', when: 'the BAR was never looked at', cannot: BUG },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_map_bars', when: 'the BARs are such that nobody may map', cannot: 's390 only' },
    {
      errno: 'EBUSY', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_map_bars',
      when: 'the BAR was in use when the device was opened', cannot: 'nothing else in a guest claims a BAR',
    },
    // unsure: a BAR that is larger than the address space of the kernel is given no address in the first place
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_map_bars', when: 'the BAR could not be mapped', cannot: ALLOCATION },
    { errno: 'EEXIST', at: 'drivers/vfio/pci/vfio_pci_rdwr.c:vfio_pci_ioeventfd', when: 'there is one for the same bytes and data' },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_rdwr.c:vfio_pci_ioeventfd', when: 'there is none that descriptor -1 could take away' },
    { errno: 'ENOSPC', at: 'drivers/vfio/pci/vfio_pci_rdwr.c:vfio_pci_ioeventfd', when: 'the device has 1000' },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_rdwr.c:vfio_pci_ioeventfd', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'ENOMEM', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EBADF', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'the descriptor is not open' },
    { errno: 'EINVAL', at: 'fs/eventfd.c:eventfd_ctx_fileget', when: 'the file is no eventfd' },
    { errno: 'EBUSY', at: 'drivers/vfio/virqfd.c:vfio_virqfd_enable', when: 'it has an eventfd already', cannot: 'each ioctl makes a new one' },
  ],

  VFIO_DEVICE_BIND_IOMMUFD: once([
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio.h:vfio_df_ioctl_bind_iommufd', when: 'the kernel has no CONFIG_VFIO_DEVICE_CDEV' },
    {
      errno: 'EFAULT', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_bind_iommufd',
      when: 'the size of the struct lies in no memory, or its out_devid cannot be written',
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_bind_iommufd',
      when: 'too short, a negative descriptor, an unknown flag, through a group, or bound already',
    },
    ...LONGER,
    { errno: 'EBUSY', at: 'drivers/vfio/group.c:vfio_device_block_group', when: 'the group of the device is open' },
    { errno: 'EINVAL', at: 'drivers/vfio/device_cdev.c:vfio_df_check_token', when: 'a token for a driver that knows none', cannot: 'vfio-pci knows tokens' },
    { errno: 'EFAULT', at: 'drivers/vfio/device_cdev.c:vfio_df_check_token', when: 'the token lies in no memory' },
    ...TOKEN,
    { errno: 'EBADF', at: 'drivers/iommu/iommufd/main.c:iommufd_ctx_from_fd', when: 'the descriptor is not open' },
    { errno: 'EBADFD', at: 'drivers/iommu/iommufd/main.c:iommufd_ctx_from_fd', when: 'the file is no iommufd' },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_df_open', when: 'another file of the device is bound' },
    {
      errno: 'ENODEV', at: 'drivers/vfio/vfio_main.c:vfio_df_device_first_open',
      when: 'the driver is being unloaded', cannot: 'the drivers of the guests are no modules',
    },
    ...BOUND,
    ...OPENED,
  ]),

  VFIO_DEVICE_ATTACH_IOMMUFD_PT: once([
    ...ENTERED,
    CDEV_ONLY,
    { errno: 'EFAULT', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_attach_pt', when: 'the struct lies in no memory, or in such that cannot be written' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_attach_pt',
      when: 'argsz ends before pt_id, or before the PASID with its flag, or an unknown flag',
    },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_attach_pt',
      when: 'a PASID for a driver that knows none', cannot: 'vfio-pci knows PASIDs',
    },
    { errno: 'EINVAL', at: 'drivers/vfio/iommufd.c:vfio_iommufd_physical_attach_ioas', when: 'the device is not bound', cannot: BUG },
    { errno: 'EINVAL', at: 'drivers/vfio/iommufd.c:vfio_iommufd_physical_pasid_attach_ioas', when: 'the device is not bound', cannot: BUG },
    { errno: 'ENOSPC', at: 'lib/idr.c:ida_alloc_range', when: 'the PASID is 2^31 or higher' },
    { errno: 'ENOMEM', at: 'lib/idr.c:ida_alloc_range', when: 'an allocation fails', cannot: ALLOCATION },
    ...CHOSEN,
    ...IOAS_ATTACHED,
  ]),

  VFIO_DEVICE_DETACH_IOMMUFD_PT: [
    ...ENTERED,
    CDEV_ONLY,
    { errno: 'EFAULT', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_detach_pt', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_detach_pt',
      when: 'argsz ends before the flags, or before the PASID with its flag, or an unknown flag',
    },
    {
      errno: 'EOPNOTSUPP', at: 'drivers/vfio/device_cdev.c:vfio_df_ioctl_detach_pt',
      when: 'a PASID for a driver that knows none', cannot: 'vfio-pci knows PASIDs',
    },
  ],

  // It is of the file that VFIO_DEVICE_FEATURE/MIG_DEVICE_STATE opens. A device says ENOTTY.
  VFIO_MIG_GET_PRECOPY_INFO: [
    ...ENTERED,
    { errno: 'ENOTTY', at: CORE, when: 'the file is a device' },
    { errno: 'ENOTTY', at: 'include/linux/vfio.h:vfio_check_precopy_ioctl', when: 'another ioctl', cannot: MIGRATES },
    { errno: 'EFAULT', at: 'include/linux/vfio.h:vfio_check_precopy_ioctl', when: 'the struct lies in no memory', cannot: MIGRATES },
    { errno: 'EINVAL', at: 'include/linux/vfio.h:vfio_check_precopy_ioctl', when: 'argsz ends before dirty_bytes', cannot: MIGRATES },
    {
      errno: 'EINVAL', at: 'samples/vfio-mdev/mtty.c:mtty_precopy_ioctl',
      when: 'the device is not copied in advance, or the file was read to behind its end', cannot: MIGRATES,
    },
    { errno: 'ENODEV', at: 'samples/vfio-mdev/mtty.c:mtty_precopy_ioctl', when: 'the device does no longer use the file', cannot: MIGRATES },
    { errno: 'EFAULT', at: 'samples/vfio-mdev/mtty.c:mtty_precopy_ioctl', when: 'the struct lies in memory that cannot be written', cannot: MIGRATES },
  ],
}
