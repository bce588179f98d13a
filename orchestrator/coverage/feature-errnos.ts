import type { ErrnoTable, Refusal } from './errno-table.ts'
import { ALLOCATION, CDX, DMABUF, MIGRATES, PM, S390 } from './reasons.ts'
import { ANONYMOUS_FILE, DESCRIPTOR, EVENTFD, PSEUDO_FILE, never } from './shared-refusals.ts'

// Read in Linux 7.3-rc7 and 7.2; both have every function below, but for VFIO_DEVICE_FEATURE_ZPCI_ERROR: 7.3 only. The device is a PCI device with vfio-pci.
// Left out: what the drivers of certain devices (mlx5, hisilicon, pds, qat, xe, virtio) refuse by themselves. Of those that migrate there is mtty.

const NO_FEATURE = 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_ioctl_feature'

/** vfio_check_feature. */
const CHECKED: Refusal = {
  errno: 'EINVAL', at: 'include/linux/vfio.h:vfio_check_feature',
  when: 'a GET or SET that the feature does not know, neither of them, or too little data',
}

/** Where a device without migration has said ENOTTY before. */
const CHECKED_MIGRATING: Refusal = { ...CHECKED, cannot: MIGRATES }

/** What VFIO_DEVICE_FEATURE can be refused with: whatever the feature is, and what a feature adds to that. */
export const FEATURE_ERRNOS: ErrnoTable = {
  VFIO_DEVICE_FEATURE: [
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_device_fops_unl_ioctl', when: 'the device is not bound to an iommufd' },
    { errno: 'EIO', at: 'drivers/vfio/vfio_main.c:vfio_device_pm_runtime_get', when: 'the device cannot be woken up', cannot: PM },
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature', when: 'the struct lies in no memory' },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature',
      when: 'argsz ends before the flags, an unknown flag, or GET with SET and without PROBE',
    },
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature', when: 'the driver knows no features', cannot: 'vfio-pci knows some' },
    { errno: 'ENOTTY', at: NO_FEATURE, when: 'no such feature' },
  ],

  'VFIO_DEVICE_FEATURE/PCI_VF_TOKEN': [
    { errno: 'ENOTTY', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_feature_token', when: 'the device is no physical function with SR-IOV' },
    CHECKED,
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_feature_token', when: 'the token lies in no memory' },
  ],

  'VFIO_DEVICE_FEATURE/MIGRATION': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_migration', when: 'the device does not migrate' },
    CHECKED_MIGRATING,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_migration', when: 'the data lies in no memory', cannot: MIGRATES },
  ],

  'VFIO_DEVICE_FEATURE/MIG_DEVICE_STATE': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_mig_device_state', when: 'the device does not migrate' },
    CHECKED_MIGRATING,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_mig_device_state', when: 'the data lies in no memory', cannot: MIGRATES },
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_mig_get_next_state', when: 'no such state, or no way from the present one to it', cannot: MIGRATES },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mtty.c:mtty_load_state', when: 'too little was written into the file to go on from', cannot: MIGRATES },
    { errno: 'ENOMEM', at: 'samples/vfio-mdev/mtty.c:mtty_save_device_data', when: 'an allocation fails', cannot: MIGRATES },
    { errno: 'ENOMEM', at: 'samples/vfio-mdev/mtty.c:mtty_resume_device_data', when: 'an allocation fails', cannot: MIGRATES },
    ...never(MIGRATES, ANONYMOUS_FILE),
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mtty.c:mtty_step_state', when: 'a step that the device does not know', cannot: MIGRATES },
    { errno: 'EINVAL', at: 'samples/vfio-mdev/mtty.c:mtty_set_state', when: 'a step between two others opens a file', cannot: MIGRATES },
    ...never(MIGRATES, DESCRIPTOR),
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioct_mig_return_fd', when: 'the data lies in memory that cannot be written', cannot: MIGRATES },
  ],

  'VFIO_DEVICE_FEATURE/LOW_POWER_ENTRY': [
    CHECKED,
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_runtime_pm_entry', when: 'low power has been entered already' },
  ],

  'VFIO_DEVICE_FEATURE/LOW_POWER_ENTRY_WITH_WAKEUP': [
    CHECKED,
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_pm_entry_with_wakeup', when: 'the data lies in no memory' },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_core_pm_entry_with_wakeup', when: 'the descriptor is negative' },
    ...EVENTFD,
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_core.c:vfio_pci_runtime_pm_entry', when: 'low power has been entered already' },
  ],

  'VFIO_DEVICE_FEATURE/LOW_POWER_EXIT': [CHECKED],

  'VFIO_DEVICE_FEATURE/DMA_LOGGING_START': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start', when: 'the device does not log its DMA' },
    CHECKED_MIGRATING,
    {
      errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start',
      when: 'the data or a range lies in no memory', cannot: MIGRATES,
    },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start',
      when: 'no range, one off its page size, or one that meets another', cannot: MIGRATES,
    },
    { errno: 'E2BIG', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start', when: 'more ranges than fit a page', cannot: MIGRATES },
    { errno: 'ENOMEM', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start', when: 'an allocation fails', cannot: MIGRATES },
    {
      errno: 'EOVERFLOW', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_start',
      when: 'a range ends above the highest IOVA', cannot: MIGRATES,
    },
  ],

  'VFIO_DEVICE_FEATURE/DMA_LOGGING_STOP': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_stop', when: 'the device does not log its DMA' },
    CHECKED_MIGRATING,
  ],

  'VFIO_DEVICE_FEATURE/DMA_LOGGING_REPORT': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_report', when: 'the device does not log its DMA' },
    CHECKED_MIGRATING,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_report', when: 'the data lies in no memory', cannot: MIGRATES },
    {
      errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_report',
      when: 'the page size is below 4 KiB or no power of two', cannot: MIGRATES,
    },
    {
      errno: 'EOVERFLOW', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_logging_report',
      when: 'the range ends above the highest IOVA', cannot: MIGRATES,
    },
    { errno: 'ENOMEM', at: 'drivers/iommu/iommufd/iova_bitmap.c:iova_bitmap_alloc', when: 'an allocation fails', cannot: MIGRATES },
  ],

  'VFIO_DEVICE_FEATURE/MIG_DATA_SIZE': [
    { errno: 'ENOTTY', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_migration_data_size', when: 'the device does not migrate' },
    CHECKED_MIGRATING,
    { errno: 'EFAULT', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_migration_data_size', when: 'the data lies in no memory', cannot: MIGRATES },
  ],

  'VFIO_DEVICE_FEATURE/BUS_MASTER': [
    { errno: 'ENOTTY', at: NO_FEATURE, when: 'the device is a PCI device' },
    { errno: 'ENOTTY', at: 'drivers/vfio/cdx/main.c:vfio_cdx_bm_ctrl', when: 'the bus cannot say who is its master', cannot: CDX },
    { ...CHECKED, cannot: CDX },
    { errno: 'EFAULT', at: 'drivers/vfio/cdx/main.c:vfio_cdx_bm_ctrl', when: 'the data lies in no memory', cannot: CDX },
    { errno: 'EOPNOTSUPP', at: 'drivers/cdx/cdx.c:cdx_clear_master', when: 'the bus cannot say who is its master', cannot: CDX },
    { errno: 'EOPNOTSUPP', at: 'drivers/cdx/cdx.c:cdx_set_master', when: 'the bus cannot say who is its master', cannot: CDX },
    { errno: 'EINVAL', at: 'drivers/vfio/cdx/main.c:vfio_cdx_bm_ctrl', when: 'an unknown operation', cannot: CDX },
  ],

  'VFIO_DEVICE_FEATURE/DMA_BUF': [
    { errno: 'ENOTTY', at: 'drivers/vfio/pci/vfio_pci_priv.h:vfio_pci_core_feature_dma_buf', when: 'the kernel has no CONFIG_VFIO_PCI_DMABUF' },
    { errno: 'EOPNOTSUPP', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_feature_dma_buf', when: 'the driver makes no dma-bufs', cannot: DMABUF },
    { ...CHECKED, cannot: DMABUF },
    { errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_feature_dma_buf', when: 'the data lies in no memory', cannot: DMABUF },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_feature_dma_buf', when: 'no range, or a flag', cannot: DMABUF },
    {
      errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_feature_dma_buf',
      when: 'the region is no BAR of the device, or the device is being unbound', cannot: DMABUF,
    },
    { errno: 'EOVERFLOW', at: 'include/linux/string.h:memdup_array_user', when: 'more ranges than memory could hold', cannot: 'needs a 32-bit kernel' },
    { errno: 'ENOMEM', at: 'mm/util.c:memdup_user', when: 'more ranges than one allocation holds', cannot: DMABUF },
    { errno: 'EFAULT', at: 'mm/util.c:memdup_user', when: 'the ranges lie in no memory', cannot: DMABUF },
    {
      errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:validate_dmabuf_input',
      when: 'an empty range, one off a page, or too much in all', cannot: DMABUF,
    },
    { errno: 'ENOMEM', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_feature_dma_buf', when: 'an allocation fails', cannot: ALLOCATION },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_get_dmabuf_phys', when: 'the BAR is one of I/O ports', cannot: DMABUF },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_fill_phys_vec', when: 'a range ends behind the BAR', cannot: DMABUF },
    {
      errno: 'EOVERFLOW', at: 'drivers/vfio/pci/vfio_pci_dmabuf.c:vfio_pci_core_fill_phys_vec',
      when: 'a range ends above the highest address', cannot: DMABUF,
    },
    { errno: 'EINVAL', at: 'drivers/dma-buf/dma-buf.c:dma_buf_export', when: 'VFIO forgets a call of the dma-buf', cannot: DMABUF },
    { errno: 'ENOENT', at: 'drivers/dma-buf/dma-buf.c:dma_buf_export', when: 'the module is being unloaded', cannot: DMABUF },
    ...never(DMABUF, PSEUDO_FILE),
    { errno: 'ENOMEM', at: 'drivers/dma-buf/dma-buf.c:dma_buf_export', when: 'an allocation fails', cannot: DMABUF },
    ...never(DMABUF, DESCRIPTOR),
  ],

  'VFIO_DEVICE_FEATURE/MIG_PRECOPY_INFOv2': [
    { errno: 'EINVAL', at: 'drivers/vfio/vfio_main.c:vfio_ioctl_device_feature_migration_precopy_info_v2', when: 'the device is not copied in advance' },
    CHECKED_MIGRATING,
  ],

  // Linux 7.2 knows no such feature.
  'VFIO_DEVICE_FEATURE/ZPCI_ERROR': [
    { errno: 'ENOTTY', at: ['drivers/vfio/pci/vfio_pci_priv.h:vfio_pci_zdev_feature_err', NO_FEATURE], when: 'the kernel is none for s390, or older than 7.3' },
    { errno: 'ENODEV', at: 'drivers/vfio/pci/vfio_pci_zdev.c:vfio_pci_zdev_feature_err', when: 'the device is no function of zPCI (7.3)', cannot: S390 },
    { ...CHECKED, cannot: S390 },
    {
      errno: 'EFAULT', at: 'drivers/vfio/pci/vfio_pci_zdev.c:vfio_pci_zdev_feature_err',
      when: 'the data, or the place for the error, lies in no memory (7.3)', cannot: S390,
    },
    { errno: 'EINVAL', at: 'drivers/vfio/pci/vfio_pci_zdev.c:vfio_pci_zdev_feature_err', when: 'there is no place for the error (7.3)', cannot: S390 },
    { errno: 'ENOMSG', at: 'arch/s390/pci/pci_event.c:zpci_get_pending_error', when: 'no error is pending (7.3)', cannot: S390 },
  ],
}
