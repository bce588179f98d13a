import { Layout } from './struct.ts'

/** The structs of linux/iommufd.h, field by field; a pointer is a u64, an out field keeps its name. */
export const iommufdStructs = {
  destroy: new Layout('iommu_destroy', { size: 'u32', id: 'u32' }),
  ioasAlloc: new Layout('iommu_ioas_alloc', { size: 'u32', flags: 'u32', out_ioas_id: 'u32' }),
  iovaRange: new Layout('iommu_iova_range', { start: 'u64', last: 'u64' }),
  ioasIovaRanges: new Layout('iommu_ioas_iova_ranges', {
    size: 'u32', ioas_id: 'u32', num_iovas: 'u32', __reserved: 'u32', allowed_iovas: 'u64', out_iova_alignment: 'u64',
  }),
  ioasAllowIovas: new Layout('iommu_ioas_allow_iovas', { size: 'u32', ioas_id: 'u32', num_iovas: 'u32', __reserved: 'u32', allowed_iovas: 'u64' }),
  ioasMap: new Layout('iommu_ioas_map', {
    size: 'u32', flags: 'u32', ioas_id: 'u32', __reserved: 'u32', user_va: 'u64', length: 'u64', iova: 'u64',
  }),
  ioasNoiommuGetPa: new Layout('iommu_ioas_noiommu_get_pa', {
    size: 'u32', flags: 'u32', ioas_id: 'u32', __reserved: 'u32', iova: 'u64', length: 'u64', out_phys: 'u64',
  }),
  ioasMapFile: new Layout('iommu_ioas_map_file', {
    size: 'u32', flags: 'u32', ioas_id: 'u32', fd: 's32', start: 'u64', length: 'u64', iova: 'u64',
  }),
  ioasCopy: new Layout('iommu_ioas_copy', {
    size: 'u32', flags: 'u32', dst_ioas_id: 'u32', src_ioas_id: 'u32', length: 'u64', dst_iova: 'u64', src_iova: 'u64',
  }),
  ioasUnmap: new Layout('iommu_ioas_unmap', { size: 'u32', ioas_id: 'u32', iova: 'u64', length: 'u64' }),
  option: new Layout('iommu_option', { size: 'u32', option_id: 'u32', op: 'u16', __reserved: 'u16', object_id: 'u32', val64: 'u64' }),
  vfioIoas: new Layout('iommu_vfio_ioas', { size: 'u32', ioas_id: 'u32', op: 'u16', __reserved: 'u16' }),
  hwptAlloc: new Layout('iommu_hwpt_alloc', {
    size: 'u32', flags: 'u32', dev_id: 'u32', pt_id: 'u32', out_hwpt_id: 'u32', __reserved: 'u32', data_type: 'u32', data_len: 'u32',
    data_uptr: 'u64', fault_id: 'u32', __reserved2: 'u32',
  }),
  hwInfoVtd: new Layout('iommu_hw_info_vtd', { flags: 'u32', __reserved: 'u32', cap_reg: 'u64', ecap_reg: 'u64' }),
  hwInfo: new Layout('iommu_hw_info', {
    size: 'u32', flags: 'u32', dev_id: 'u32', data_len: 'u32', data_uptr: 'u64', out_data_type: 'u32', out_max_pasid_log2: 'u8',
    out_capabilities: 'u64',
  }, { in_data_type: 'out_data_type' }),
  hwptSetDirtyTracking: new Layout('iommu_hwpt_set_dirty_tracking', { size: 'u32', flags: 'u32', hwpt_id: 'u32', __reserved: 'u32' }),
  hwptGetDirtyBitmap: new Layout('iommu_hwpt_get_dirty_bitmap', {
    size: 'u32', hwpt_id: 'u32', flags: 'u32', __reserved: 'u32', iova: 'u64', length: 'u64', page_size: 'u64', data: 'u64',
  }),
  hwptInvalidate: new Layout('iommu_hwpt_invalidate', {
    size: 'u32', hwpt_id: 'u32', data_uptr: 'u64', data_type: 'u32', entry_len: 'u32', entry_num: 'u32', __reserved: 'u32',
  }),
  faultAlloc: new Layout('iommu_fault_alloc', { size: 'u32', flags: 'u32', out_fault_id: 'u32', out_fault_fd: 'u32' }),
  viommuAlloc: new Layout('iommu_viommu_alloc', {
    size: 'u32', flags: 'u32', type: 'u32', dev_id: 'u32', hwpt_id: 'u32', out_viommu_id: 'u32', data_len: 'u32', __reserved: 'u32',
    data_uptr: 'u64',
  }),
  vdeviceAlloc: new Layout('iommu_vdevice_alloc', { size: 'u32', viommu_id: 'u32', dev_id: 'u32', out_vdevice_id: 'u32', virt_id: 'u64' }),
  ioasChangeProcess: new Layout('iommu_ioas_change_process', { size: 'u32', __reserved: 'u32' }),
  veventqAlloc: new Layout('iommu_veventq_alloc', {
    size: 'u32', flags: 'u32', viommu_id: 'u32', type: 'u32', veventq_depth: 'u32', out_veventq_id: 'u32', out_veventq_fd: 'u32',
    __reserved: 'u32',
  }),
  hwQueueAlloc: new Layout('iommu_hw_queue_alloc', {
    size: 'u32', flags: 'u32', viommu_id: 'u32', type: 'u32', index: 'u32', out_hw_queue_id: 'u32', nesting_parent_iova: 'u64', length: 'u64',
  }),
} as const

/** Flags and enumerators of linux/iommufd.h, by the header's own names. */
export const IOMMUFD = {
  IOMMU_IOAS_MAP_FIXED_IOVA: 1,
  IOMMU_IOAS_MAP_WRITEABLE: 2,
  IOMMU_IOAS_MAP_READABLE: 4,
  IOMMU_OPTION_RLIMIT_MODE: 0,
  IOMMU_OPTION_HUGE_PAGES: 1,
  IOMMU_OPTION_OP_SET: 0,
  IOMMU_OPTION_OP_GET: 1,
  IOMMU_VFIO_IOAS_GET: 0,
  IOMMU_VFIO_IOAS_SET: 1,
  IOMMU_VFIO_IOAS_CLEAR: 2,
  IOMMU_HWPT_ALLOC_NEST_PARENT: 1,
  IOMMU_HWPT_ALLOC_DIRTY_TRACKING: 2,
  IOMMU_HWPT_FAULT_ID_VALID: 4,
  IOMMU_HWPT_ALLOC_PASID: 8,
  IOMMU_HWPT_DATA_NONE: 0,
  IOMMU_HWPT_DATA_VTD_S1: 1,
  IOMMU_HW_INFO_TYPE_NONE: 0,
  IOMMU_HW_INFO_TYPE_INTEL_VTD: 1,
  IOMMU_HW_INFO_TYPE_AMD: 4,
  IOMMU_HW_CAP_DIRTY_TRACKING: 1,
  IOMMU_HWPT_DIRTY_TRACKING_ENABLE: 1,
  IOMMU_VIOMMU_TYPE_DEFAULT: 0,
  IOMMU_VEVENTQ_TYPE_DEFAULT: 0,
  IOMMU_HW_QUEUE_TYPE_DEFAULT: 0,
} as const
