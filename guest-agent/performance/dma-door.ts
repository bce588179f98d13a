import type { MapSource } from '../iommufd/ioas.ts'

/** Calls on one piece of memory, which can be made again and again. Each returns how long the kernel took, in ns, and throws Failed or Errno when it did something else. */
export interface MappingCalls {
  readonly map: () => number
  readonly unmap: () => number
  /** A second mapping made from the first, where this door can do that. */
  readonly copy?: { readonly map: () => number; readonly unmap: () => number }
}

/** A way by which memory becomes reachable for devices. */
export interface DmaDoor {
  /** A call that has next to nothing to do in the kernel: how long, in ns. */
  readonly call: () => number
  readonly calls: (memory: MapSource) => MappingCalls
  /** Memory of this process that is pinned through it, kB. */
  readonly pinnedKb: () => number
  /** Is what is mapped pinned, because a device reaches it? */
  readonly pins: boolean
  /** Lets a device write to the memory that is mapped at this IOVA, returns what it must hold then; missing: there is no such device. */
  readonly dmaWrite?: (iova: bigint) => Promise<Uint8Array>
}

/** Above 4 GiB, where no machine has reserved ranges; on the boundary of a GiB, so that a page table may use its largest pages. */
export const IOVA = 0x1_0000_0000n
export const COPY_IOVA = 0x2_0000_0000n
