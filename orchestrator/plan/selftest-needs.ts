import type { DeviceKind, Needs } from '../../guest-agent/protocol.ts'
import type { KernelFacts } from '../kernel/built-kernel.ts'
import { hasSymbol } from './device-access.ts'

/** What a test of the kernel's selftests wants around it, which it does not tell anybody but by a skip or a failure. */
export interface SelftestNeeds {
  readonly needs: Needs
  /** It is given a device that is bound to vfio-pci. */
  readonly device: boolean
  /** Of 2 MiB. */
  readonly hugePages: number
  /** One of 1 GiB. */
  readonly gigaPage: boolean
  readonly sriov: boolean
  /** Of the guest. */
  readonly memoryMiB: number
  /** A file of the suite that must be there. */
  readonly source?: { readonly path: string; readonly without: string }
  /** Why it can only skip. */
  readonly skips?: string
  /** What a pass of it does not show on this kernel. */
  readonly caveat?: string
}

/** Of the test that the output names `fixture.variant.test`. What is not known of a suite is found out by running it. */
export const selftestNeeds = (folder: string, program: string, name: string, kernel: KernelFacts): SelftestNeeds => {
  switch (folder) {
    case 'vfio': return vfioNeeds(program, name, kernel)
    case 'iommu': return iommuNeeds(program, name)
    default: return NOTHING
  }
}

const NOTHING: SelftestNeeds = { needs: {}, device: false, hugePages: 0, gigaPage: false, sriov: false, memoryMiB: 0 }
/** A page of 1 GiB, as much pinned for a device, and the guest itself. */
const ROOMY_MIB = 4096
const HUGE_PAGES = 16
/** A buffer of 128 MiB in them, and another one. */
const IOMMU_HUGE_PAGES = 128
const IOMMU_MIB = 2048

const vfioNeeds = (program: string, name: string, kernel: KernelFacts): SelftestNeeds => {
  const capabilities = [
    ...(program === 'vfio_pci_sriov_uapi_test' ? ['sr-iov'] as const : []),
    ...(program === 'vfio_dma_mapping_mmio_test' ? ['bar-mmap'] as const : []),
    ...(name === 'vfio_pci_device_test.reset' ? ['reset'] as const : []),
    ...(/\.msi\.\w+$/.test(name) ? ['msi'] as const : []),
    ...(/\.msix\.\w+$/.test(name) ? ['msix'] as const : []),
  ]
  const isDriven = program === 'vfio_pci_driver_test'
  const gigaPage = /_hugetlb_1gb/.test(name)
  return {
    needs: {
      ...doorOf(program, name),
      iommu: 'present',
      device: capabilities,
      ...(isDriven ? { deviceKind: 'igb' } : {}),
    },
    device: true,
    hugePages: /_hugetlb_2mb/.test(name) ? HUGE_PAGES : 0,
    gigaPage,
    memoryMiB: gigaPage || isDriven ? ROOMY_MIB : 0,
    sriov: program === 'vfio_pci_sriov_uapi_test',
    ...(isDriven ? { source: { path: 'lib/drivers/igb/igb.c', without: 'the selftests of this tree have no driver for a device that QEMU has' } } : {}),
    ...(/\.dma_map_unmap$/.test(name) && !hasSymbol(kernel, 'INTEL_IOMMU_DEBUGFS') ? { caveat: 'its check of the page table is off: INTEL_IOMMU_DEBUGFS is not set' } : {}),
  }
}

/** Its variants are named after the way to the device (lib/iommu.c); a test without variants takes the cdev. */
const doorOf = (program: string, name: string): Needs => {
  // IOMMUFD's emulation of type1 does not map a BAR, which this program wants of what calls itself type1.
  if (/\.vfio_type1/.test(name)) return { access: 'group', config: [program === 'vfio_dma_mapping_mmio_test' ? 'VFIO_CONTAINER' : 'VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] }
  if (/\.iommufd_compat_/.test(name)) return { access: 'group', config: ['IOMMUFD'] }
  return { access: 'cdev', config: ['IOMMUFD'] }
}

const SKIPPED_WITHOUT_VIOMMU = /\.no_viommu\.(?:viommu_alloc_nested_iopf|viommu_alloc_with_data|vdevice_cache|hw_queue|vdevice_tombstone)$/

const iommuNeeds = (program: string, name: string): SelftestNeeds => ({
  ...NOTHING,
  ...(program === 'iommufd' ? { hugePages: IOMMU_HUGE_PAGES, memoryMiB: IOMMU_MIB } : {}),
  ...(SKIPPED_WITHOUT_VIOMMU.test(name) ? { skips: 'it skips itself in the variant without a vIOMMU' } : {}),
})

/** The first that there is of these, or of the machine's, serves every test of selftests/vfio. */
export const selftestDevice = (devices: readonly DeviceKind[]): DeviceKind | undefined =>
  (['igb', 'nvme', 'edu'] as const).find((kind) => devices.includes(kind)) ?? devices[0]
