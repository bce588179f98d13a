/**
 * The programmable DMA device of images/devices/vfio-user-dma: what driver and device agree on. BAR 0 has registers in its first page, the
 * device's buffer in its second one, and the MSI-X table and its pending bits in the other two. All registers have 32 bits, but for
 * ADDRESS, PEEK_OFFSET, LAST_OFFSET and LAST_VALUE, which have 64 and may be written as two halves.
 */
export const IDS = { vendor: 0x1234, device: 0x11eb } as const

export const REGISTER_BAR = 0
/** Bytes of BAR 0: 16 KiB. */
export const REGISTER_BAR_BYTES = 0x4000
export const BUFFER_OFFSET = 0x1000
export const BUFFER_BYTES = 0x1000
export const MSIX_TABLE_OFFSET = 0x2000
export const MSIX_PENDING_OFFSET = 0x3000

/** BARs that are there when the device's options ask for them. */
export const SMALL_BARS = [1, 5] as const
export const LARGE_BAR = 2
export const SPARSE_BAR = 4

export const REGISTER = {
  /** RO: IDENTIFICATION. */
  ID: 0x00,
  /** RO: bits 0-7 address bits; bit 8: what lies beyond them is cut off, otherwise refused. */
  FEATURES: 0x04,
  /** RW, 64 bits. */
  ADDRESS: 0x08,
  /** RW: bytes. */
  LENGTH: 0x10,
  /** RW: of the pattern that COMMAND_WRITE writes. */
  SEED: 0x14,
  /** WO: starts a DMA; lost while another one is under way. */
  COMMAND: 0x18,
  /** RO: of the last DMA. */
  STATUS: 0x1c,
  /** RO: why it was not done; 0 when it was. */
  ERRNO: 0x20,
  /** RO: CRC-32 of what the last DMA read. */
  CHECKSUM: 0x24,
  /** RO: DMAs since the last reset. */
  DONE: 0x28,
  REFUSED: 0x2c,
  NOT_SENT: 0x30,
  /** RO: most bytes in one DMA. */
  LIMIT: 0x34,
  /** WO: raises an interrupt: bits 0-11 vector, bits 16-17 kind. */
  RAISE: 0x38,
  /** WO: 1 takes the level of INTx away. */
  LOWER: 0x3c,
  /** RO: bit 0: INTx is asserted; bit 1: the last RAISE reached somebody. */
  IRQ_STATUS: 0x40,
  /** RW: what to raise when a DMA has ended, as in RAISE, with bit 31 set; 0: nothing. */
  RAISE_AT_END: 0x44,
  /** RO: resets since the device was started. */
  RESETS: 0x48,
  /** RW: holds what was written to it until the next reset. */
  SCRATCH: 0x4c,
  /** RW, 64 bits: a place in the sparse BAR. */
  PEEK_OFFSET: 0x50,
  /** RO: the word there, as the device sees it. */
  PEEK: 0x58,
  /** RO: accesses to the sparse BAR that came to the device one by one. */
  TRAPPED: 0x5c,
  /** RO, 64 bits: where in the large BAR something was written last, and what. */
  LAST_OFFSET: 0x60,
  LAST_VALUE: 0x68,
} as const

export const IDENTIFICATION = 0x444d_4131

export const COMMAND_WRITE = 1
/** Memory to the device: CHECKSUM is of all of it, the buffer holds what fits. */
export const COMMAND_READ = 2
/** What the buffer holds to memory. */
export const COMMAND_WRITE_BUFFER = 3

export const STATUS_IDLE = 0
export const STATUS_BUSY = 1
export const STATUS_DONE = 2
/** Whoever translates the device's addresses refused it. */
export const STATUS_REFUSED = 3
/** The device itself did: too long, or an address that it cannot drive. */
export const STATUS_NOT_SENT = 4

/** What the guest has set up: MSI-X, else MSI, else INTx. */
export const RAISE_ANY = 0
export const RAISE_INTX = 1
export const RAISE_MSI = 2
export const RAISE_MSIX = 3
export const RAISE_KIND_SHIFT = 16
export const RAISE_VECTOR_MASK = 0xfff
export const RAISE_ENABLED = 0x8000_0000

/** Areas of the sparse BAR that are mapped; accesses to the rest of it come to the device. */
export const SPARSE_BAR_BYTES = 0x1_0000
export const SPARSE_AREAS = [{ offset: 0x1000, size: 0x1000 }, { offset: 0x8000, size: 0x4000 }] as const

/** What COMMAND_WRITE writes: 32-bit words of which no two next to each other are equal. */
export const pattern = (seed: number, length: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (const index of words.keys()) words[index] = seed + Math.imul(index + 1, 0x9e37_79b1)
  return new Uint8Array(words.buffer, 0, length)
}
