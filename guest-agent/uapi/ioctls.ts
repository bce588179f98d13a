/**
 * The ioctl numbers of linux/vfio.h and linux/iommufd.h. All are _IO(';', nr): the number carries neither size nor direction.
 * VFIO numbers 112 and up are reused by what the descriptor is: container, device or vendor.
 */
const io = (nr: number): number => (0x3b << 8) | nr

export const IOCTLS = {
  // linux/iommufd.h, /dev/iommu
  IOMMU_DESTROY: io(0x80),
  IOMMU_IOAS_ALLOC: io(0x81),
  IOMMU_IOAS_ALLOW_IOVAS: io(0x82),
  IOMMU_IOAS_COPY: io(0x83),
  IOMMU_IOAS_IOVA_RANGES: io(0x84),
  IOMMU_IOAS_MAP: io(0x85),
  IOMMU_IOAS_UNMAP: io(0x86),
  IOMMU_OPTION: io(0x87),
  IOMMU_VFIO_IOAS: io(0x88),
  IOMMU_HWPT_ALLOC: io(0x89),
  IOMMU_GET_HW_INFO: io(0x8a),
  IOMMU_HWPT_SET_DIRTY_TRACKING: io(0x8b),
  IOMMU_HWPT_GET_DIRTY_BITMAP: io(0x8c),
  IOMMU_HWPT_INVALIDATE: io(0x8d),
  IOMMU_FAULT_QUEUE_ALLOC: io(0x8e),
  IOMMU_IOAS_MAP_FILE: io(0x8f),
  IOMMU_VIOMMU_ALLOC: io(0x90),
  IOMMU_VDEVICE_ALLOC: io(0x91),
  IOMMU_IOAS_CHANGE_PROCESS: io(0x92),
  IOMMU_VEVENTQ_ALLOC: io(0x93),
  IOMMU_HW_QUEUE_ALLOC: io(0x94),
  IOMMU_IOAS_NOIOMMU_GET_PA: io(0x95),
  // linux/vfio.h, container and group
  VFIO_GET_API_VERSION: io(100),
  VFIO_CHECK_EXTENSION: io(101),
  VFIO_SET_IOMMU: io(102),
  VFIO_GROUP_GET_STATUS: io(103),
  VFIO_GROUP_SET_CONTAINER: io(104),
  VFIO_GROUP_UNSET_CONTAINER: io(105),
  VFIO_GROUP_GET_DEVICE_FD: io(106),
  VFIO_IOMMU_GET_INFO: io(112),
  VFIO_IOMMU_MAP_DMA: io(113),
  VFIO_IOMMU_UNMAP_DMA: io(114),
  VFIO_IOMMU_ENABLE: io(115),
  VFIO_IOMMU_DISABLE: io(116),
  VFIO_IOMMU_DIRTY_PAGES: io(117),
  // linux/vfio.h, device
  VFIO_DEVICE_GET_INFO: io(107),
  VFIO_DEVICE_GET_REGION_INFO: io(108),
  VFIO_DEVICE_GET_IRQ_INFO: io(109),
  VFIO_DEVICE_SET_IRQS: io(110),
  VFIO_DEVICE_RESET: io(111),
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: io(112),
  VFIO_DEVICE_PCI_HOT_RESET: io(113),
  VFIO_DEVICE_QUERY_GFX_PLANE: io(114),
  VFIO_DEVICE_GET_GFX_DMABUF: io(115),
  VFIO_DEVICE_IOEVENTFD: io(116),
  VFIO_DEVICE_FEATURE: io(117),
  VFIO_DEVICE_BIND_IOMMUFD: io(118),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: io(119),
  VFIO_DEVICE_DETACH_IOMMUFD_PT: io(120),
  VFIO_MIG_GET_PRECOPY_INFO: io(121),
} as const

export type IoctlName = keyof typeof IOCTLS
