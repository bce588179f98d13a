/** The memory that a sequence maps from, in bytes: one piece for all, because mapping costs and its contents do not matter. */
export const MEMORY_BYTES = 0x1_0000n

/**
 * It is aligned to its length, so that the kernel chooses the same IOVAs in every process. A mapping of twice the bytes holds it wherever
 * that begins.
 */
export const alignedAddress = (address: bigint): bigint => (address + MEMORY_BYTES - 1n) & -MEMORY_BYTES
