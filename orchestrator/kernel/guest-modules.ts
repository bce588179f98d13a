import type { DotConfig } from './dot-config.ts'

/**
 * Drivers that a guest needs early, by their symbol, in the order in which they are loaded: what the disk, the network and the cases stand
 * on. The IOMMU comes first: devices behind it wait for its driver.
 */
export const GUEST_MODULES: Readonly<Record<string, string>> = {
  VIRTIO_PCI: 'virtio_pci',
  VIRTIO_IOMMU: 'virtio_iommu',
  UNIX: 'unix',
  VIRTIO_BLK: 'virtio_blk',
  VIRTIO_NET: 'virtio_net',
  EROFS_FS: 'erofs',
  IOMMUFD: 'iommufd',
  VFIO: 'vfio',
  VFIO_IOMMU_TYPE1: 'vfio_iommu_type1',
  VFIO_PCI: 'vfio_pci',
}

/** What base.config asks of every kernel that the lab builds, as far as no guest can start or no case can run without it. */
const REQUIRED = [
  'PCI', 'TTY', 'SERIAL_8250_CONSOLE', 'BLK_DEV_INITRD', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'DEVTMPFS', 'PROC_FS', 'SYSFS', 'TMPFS', 'UNIX98_PTYS',
  'UNIX', 'INET', 'VIRTIO_PCI', 'VIRTIO_BLK', 'VIRTIO_NET', 'EROFS_FS', 'VFIO', 'VFIO_PCI',
] as const

/** Symbols of REQUIRED that a config has not set, or not built in where no module is loaded. */
export const lackingSymbols = (config: DotConfig): readonly string[] =>
  REQUIRED.filter((symbol) => config[symbol] !== 'y' && !(config[symbol] === 'm' && symbol in GUEST_MODULES))

/** Names of the modules that a guest of this kernel loads; none when all is built in. */
export const neededModules = (config: DotConfig): readonly string[] =>
  Object.entries(GUEST_MODULES).flatMap(([symbol, name]) => (config[symbol] === 'm' ? [name] : []))
