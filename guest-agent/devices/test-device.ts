import type { OpenDevice } from '../vfio/open-device.ts'

/** A DMA of this many bytes every device can do: a network frame is not shorter. */
export const SHORTEST_DMA = 64

/** What the device did with a DMA. */
export interface DmaReport {
  /** What the memory must hold when the DMA went through; undefined: bytes that nobody can foretell, a random number. */
  readonly expected: Uint8Array | undefined
  /** Was the address translated? undefined: this device cannot tell, only the memory can. */
  readonly translated: boolean | undefined
}

/**
 * Capability dma-write: writes so many bytes to an address of the device's DmaSpace, and none beside them: a multiple of 4 from SHORTEST_DMA to 1024.
 * A device with fault-report, and edu, take any multiple of 4 up to a page less 4.
 */
export interface DmaWriter {
  readonly dmaWrite: (address: bigint, length: number) => Promise<DmaReport>
}

/** Capability dma-read: what the device read, brought back by way of memory of the driver's own; undefined: nothing came back. */
export interface DmaReader {
  readonly dmaRead: (address: bigint, length: number) => Promise<Uint8Array | undefined>
}

/** Capability queue-fault. The addresses are those of pages; one that is mapped must hold zeroes. */
export interface QueueFaulter {
  /** Lets the device fetch a descriptor of data; false: it said that it could not, and goes on with its other work. */
  readonly reachesDescriptor: (address: bigint) => Promise<boolean>
  /** Gives the device a queue there and lets it fetch from it; false: it said that it could not, and wants a reset. */
  readonly reachesQueue: (address: bigint) => Promise<boolean>
}

/** Capabilities intx, msi, msix: raises whichever of them is switched on. */
export interface Interrupter {
  /** So many vectors of MSI-X it can be made to raise, from the first on. */
  readonly vectors: number
  /** An interrupt may come more than once until it is acknowledged. */
  readonly repeats?: boolean
  /** What vectors other than the first need, once MSI-X is on; it may raise the first. */
  readonly prepareVectors?: () => Promise<void>
  /** `vector` is one of MSI-X, otherwise 0. INTx is held until it is acknowledged. */
  readonly raiseInterrupt: (vector?: number) => void | Promise<void>
  readonly acknowledgeInterrupt: () => void | Promise<void>
}

/** Capability reset-state. */
export interface ResetWitness {
  /** Changes a register that a reset sets back; the function that comes back tells whether it still is as it was changed. */
  readonly disturb: () => () => boolean
}

/** Capability sr-iov. */
export interface FunctionOwner {
  /** Gives a virtual function what it needs to work and resolves with its driver. It is open; the first has the number 1. */
  readonly startFunction: (number: number, open: OpenDevice) => Promise<TestDevice>
}

/** What a driver offers: the methods of those capabilities that its device has (DEVICE_CAPABILITIES). */
export type TestDevice = Partial<DmaWriter & DmaReader & QueueFaulter & Interrupter & ResetWitness & FunctionOwner>
