/** Offsets and bits of the standard header of PCI config space (linux/pci_regs.h). */
export const PCI_COMMAND = 0x04
export const PCI_COMMAND_IO = 0x1
export const PCI_COMMAND_MEMORY = 0x2
export const PCI_COMMAND_MASTER = 0x4
export const PCI_COMMAND_INTX_DISABLE = 0x400
export const PCI_STATUS = 0x06
export const PCI_STATUS_INTERRUPT = 0x08
const PCI_STATUS_CAP_LIST = 0x10
export const PCI_BASE_ADDRESS_0 = 0x10
export const PCI_ROM_ADDRESS = 0x30
const PCI_CAPABILITY_LIST = 0x34
export const PCI_INTERRUPT_LINE = 0x3c
const PCI_STD_HEADER_SIZE = 0x40
export const PCI_CAP_ID_MSI = 0x05

/** Config space, byte by byte, wherever it is read from. */
type ConfigByte = (offset: number) => number

/** Where each capability lies: `[offset, id]`, in the order of the chain. */
export const capabilityChain = (byte: ConfigByte): readonly (readonly [number, number])[] => {
  if ((byte(PCI_STATUS) & PCI_STATUS_CAP_LIST) === 0) return []
  const chain: (readonly [number, number])[] = []
  for (let at = byte(PCI_CAPABILITY_LIST) & 0xfc; at !== 0; at = byte(at + 1) & 0xfc) {
    if (at < PCI_STD_HEADER_SIZE || chain.some(([offset]) => offset === at)) throw new Error(`capability chain: it goes to 0x${at.toString(16)}`)
    chain.push([at, byte(at)])
  }
  return chain
}
