import type { Ioas } from '../iommufd/ioas.ts'
import type { Mapping } from '../sys/memory.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { physicalAddress } from '../sys/physical.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { Container } from './container.ts'

interface DmaMapOptions {
  /** Where it shall lie; where the addresses are physical there is no choice and the option is ignored. */
  readonly iova?: bigint
  /** May the device read it, write it? Both when missing. Physical memory cannot be protected. */
  readonly readable?: boolean
  readonly writeable?: boolean
}

/**
 * The addresses that a device can use, whatever gives them: an IOAS, a container, or physical memory in noiommu mode.
 * A mapping without an IOMMU is contiguous only within a page (a huge page for huge pages).
 */
export interface DmaSpace {
  /** Does an IOMMU stand between the device and the memory? */
  readonly translated: boolean
  /** Makes memory reachable; returns the address that the device must use for its first byte. */
  readonly map: (memory: Mapping, options?: DmaMapOptions) => bigint
  /** Takes away what `map` returned. */
  readonly unmap: (address: bigint) => void
}

export const ioasDmaSpace = (ioas: Ioas): DmaSpace => {
  const lengths = new Map<bigint, number>()
  return {
    translated: true,
    map: (memory, { iova, readable, writeable } = {}) => {
      const address = ioas.map(memory, { access: ioasAccess(readable, writeable), ...(iova === undefined ? {} : { iova }) })
      lengths.set(address, memory.length)
      return address
    },
    unmap: (address) => { ioas.unmap(address, taken(lengths, address)) },
  }
}

/** A noiommu cdev: the IOAS pins the memory, and IOMMU_IOAS_NOIOMMU_GET_PA tells where it is. */
export const physicalIoasDmaSpace = (ioas: Ioas): DmaSpace => {
  const iovas = new Map<bigint, { readonly iova: bigint; readonly length: number }>()
  return {
    translated: false,
    map: (memory, { readable, writeable } = {}) => {
      const iova = ioas.map(memory, { access: ioasAccess(readable, writeable) })
      const { physical } = ioas.noiommuGetPa(iova, BigInt(PAGE_SIZE))
      iovas.set(physical, { iova, length: memory.length })
      return physical
    },
    unmap: (address) => {
      const { iova, length } = taken(iovas, address)
      ioas.unmap(iova, length)
    },
  }
}

/** A noiommu group: VFIO maps nothing for it, /proc/self/pagemap tells where locked memory is. */
export const physicalDmaSpace = (): DmaSpace => ({
  translated: false,
  map: (memory) => physicalAddress(memory),
  unmap: () => undefined,
})

/** The container leaves the choice of addresses to its user. */
const FIRST_IOVA = 0x1000_0000n

export const containerDmaSpace = (container: Container): DmaSpace => {
  const lengths = new Map<bigint, number>()
  let next = FIRST_IOVA
  return {
    translated: true,
    map: (memory, { iova, readable = true, writeable = true } = {}) => {
      const address = iova ?? next
      if (iova === undefined) next += BigInt(memory.length)
      const flags = (readable ? VFIO.VFIO_DMA_MAP_FLAG_READ : 0) | (writeable ? VFIO.VFIO_DMA_MAP_FLAG_WRITE : 0)
      container.mapDma(memory, address, flags)
      lengths.set(address, memory.length)
      return address
    },
    unmap: (address) => { container.unmapDma(address, taken(lengths, address)) },
  }
}

const ioasAccess = (readable = true, writeable = true): number =>
  (readable ? IOMMUFD.IOMMU_IOAS_MAP_READABLE : 0) | (writeable ? IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE : 0)

const taken = <T>(mapped: Map<bigint, T>, address: bigint): T => {
  const found = mapped.get(address)
  if (found === undefined) throw new Error(`nothing is mapped at 0x${address.toString(16)}`)
  mapped.delete(address)
  return found
}
