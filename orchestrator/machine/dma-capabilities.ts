import type { DeviceCapability } from '../../guest-agent/protocol.ts'
import type { DmaOptions } from '../../images/devices/vfio-user-dma/options.ts'

/** Where memory is mapped when a case does not say where: below 4 GiB. */
const LEAST_ADDRESS_BITS = 32
/** Cases set up every vector, and a guest with one processor has two hundred for all its devices. */
const MOST_VECTORS = 64
/** As many as a processor has, and there some are the kernel's own. */
const ALL_VECTORS = 256
/** A case makes more address spaces than fit into 16 bits. */
const PASID_BITS = 20
const LARGE_BAR_BYTES = 64 * 2 ** 30

/** What cases expect of a vfio-user-dma and one with these options has not. */
export const lackedByOptions = ({ addressBits, bars, interrupts, express, flr, pasidBits }: DmaOptions): readonly DeviceCapability[] => {
  const unless = (present: boolean, ...capabilities: readonly DeviceCapability[]): readonly DeviceCapability[] => (present ? [] : capabilities)
  return [
    ...unless(addressBits >= LEAST_ADDRESS_BITS, 'dma-write', 'dma-read', 'fault-report'),
    ...unless(addressBits === 64, 'dma-64'),
    ...unless(bars.large.bytes === LARGE_BAR_BYTES && !bars.large.mmap, 'large-bar'),
    ...unless(bars.sparse, 'sparse-bar'),
    ...unless(bars.small, 'small-bars'),
    ...unless(interrupts.intx, 'intx'),
    ...unless(interrupts.msi > 0, 'msi'),
    ...unless(interrupts.msix > 0 && interrupts.msix <= MOST_VECTORS, 'msix'),
    ...unless(express && flr, 'flr-count'),
    ...unless(interrupts.msix === ALL_VECTORS, 'many-vectors'),
    ...unless(pasidBits === PASID_BITS, 'pasid'),
  ]
}
