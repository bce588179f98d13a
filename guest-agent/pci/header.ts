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
export const PCI_CAP_ID_PM = 0x01
export const PCI_CAP_ID_MSI = 0x05
export const PCI_CAP_ID_VENDOR = 0x09
export const PCI_CAP_ID_MSIX = 0x11
/** Of the message control words, which stand behind the id and the next pointer of their capabilities. */
export const PCI_MSIX_FLAGS_ENABLE = 0x8000
const PCI_MSIX_FLAGS_QSIZE = 0x7ff
const PCI_MSI_FLAGS_QMASK = 0x0e
const PCI_INTERRUPT_PIN = 0x3d
export const PCI_CAP_ID_EXP = 0x10
/** Within the PCI Express capability. */
export const PCI_EXP_DEVCTL = 0x08
export const PCI_EXP_DEVCTL_BCR_FLR = 0x8000

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

/** Where the first capability of this id lies; undefined: there is none. */
export const capabilityAt = (byte: ConfigByte, id: number): number | undefined => capabilityChain(byte).find(([, each]) => each === id)?.[0]

/** PCI Express, with an extended config space. */
export const isExpress = (byte: ConfigByte): boolean => capabilityAt(byte, PCI_CAP_ID_EXP) !== undefined

/** How many interrupts of each kind the device says that it has. */
export const interruptsOf = (byte: ConfigByte): { readonly intx: number; readonly msi: number; readonly msix: number } => {
  const flags = (id: number): number | undefined => {
    const at = capabilityAt(byte, id)
    return at === undefined ? undefined : byte(at + 2) | (byte(at + 3) << 8)
  }
  const [msi, msix] = [flags(PCI_CAP_ID_MSI), flags(PCI_CAP_ID_MSIX)]
  return {
    intx: byte(PCI_INTERRUPT_PIN) === 0 ? 0 : 1,
    msi: msi === undefined ? 0 : 1 << ((msi & PCI_MSI_FLAGS_QMASK) >> 1),
    msix: msix === undefined ? 0 : (msix & PCI_MSIX_FLAGS_QSIZE) + 1,
  }
}

/** Where the table of MSI-X lies; undefined: the device has none. */
export const msixTable = (byte: ConfigByte): { readonly bar: number; readonly offset: number } | undefined => {
  const at = capabilityAt(byte, PCI_CAP_ID_MSIX)
  if (at === undefined) return undefined
  const word = [0, 1, 2, 3].reduce((all, index) => all + byte(at + 4 + index) * 2 ** (8 * index), 0)
  return { bar: word % 8, offset: word - (word % 8) }
}
