/** What the device did with a DMA. */
export interface DmaReport {
  /** What the memory must hold when the DMA went through. */
  readonly expected: Uint8Array
  /** Was the address translated? undefined: this device cannot tell, only the memory can. */
  readonly translated: boolean | undefined
}

/** Capability dma-write. The address is one of the device's DmaSpace; the length a multiple of 4, at most a page less 4. */
export interface DmaWriter {
  readonly dmaWrite: (address: bigint, length: number) => Promise<DmaReport>
}

/** Capability dma-read: returns what the device read, brought back by way of memory of the driver's own. */
export interface DmaReader {
  readonly dmaRead: (address: bigint, length: number) => Promise<Uint8Array>
}

/** Capability msi or intx: the device raises its interrupt and holds it until it is acknowledged. */
export interface Interrupter {
  readonly raiseInterrupt: () => void
  readonly acknowledgeInterrupt: () => void
}
