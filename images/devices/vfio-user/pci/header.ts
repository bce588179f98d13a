/** Offsets and bits of config space that the server itself has to do with (linux/pci_regs.h). */
export const CONFIG_BYTES = 4096
export const STANDARD_BYTES = 256
export const HEADER_END = 0x40
export const EXTENDED_START = 0x100

export const PCI_VENDOR_ID = 0x00
export const PCI_DEVICE_ID = 0x02
export const PCI_COMMAND = 0x04
export const PCI_COMMAND_INTX_DISABLE = 0x400
/** I/O, memory, bus master, parity, SERR#, INTx disable. */
export const PCI_COMMAND_WRITABLE = 0x0547
export const PCI_STATUS = 0x06
export const PCI_STATUS_INTERRUPT = 0x08
export const PCI_STATUS_CAP_LIST = 0x10
export const PCI_REVISION_ID = 0x08
export const PCI_CLASS = 0x09
export const PCI_CACHE_LINE_SIZE = 0x0c
export const PCI_BASE_ADDRESS_0 = 0x10
export const PCI_SUBSYSTEM_VENDOR_ID = 0x2c
export const PCI_SUBSYSTEM_ID = 0x2e
export const PCI_CAPABILITY_LIST = 0x34
export const PCI_INTERRUPT_LINE = 0x3c
export const PCI_INTERRUPT_PIN = 0x3d

export const PCI_BASE_ADDRESS_SPACE_IO = 0x1
export const PCI_BASE_ADDRESS_MEM_TYPE_64 = 0x4
export const PCI_BASE_ADDRESS_MEM_PREFETCH = 0x8

export const PCI_CAP_ID_EXP = 0x10
export const PCI_EXP_DEVCAP = 0x04
export const PCI_EXP_DEVCAP_FLR = 0x1000_0000
export const PCI_EXP_DEVCTL = 0x08
export const PCI_EXP_DEVCTL_BCR_FLR = 0x8000

/** The bytes of a BAR register: the type bits that say what it is. */
export const barTypeBits = ({ kind, prefetchable = false }: { readonly kind: BarKind; readonly prefetchable?: boolean }): number => {
  if (kind === 'io') return PCI_BASE_ADDRESS_SPACE_IO
  return (kind === 'memory64' ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) | (prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0)
}

export type BarKind = 'memory' | 'memory64' | 'io'
