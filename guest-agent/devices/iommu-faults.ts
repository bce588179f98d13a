/** What the kernel's IOMMU drivers print for a DMA that was not translated: regular expressions for `provokes`. */
export const IOMMU_FAULTS = ['DMAR: .*fault', 'virtio_iommu .*fault', 'AMD-Vi: .*IO_PAGE_FAULT']
