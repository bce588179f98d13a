import { yours } from '../host/errors.ts'
import { dmaOptions, type DmaOptionsInput } from '../../images/devices/vfio-user-dma/options.ts'
import { jsonObject } from './json-object.ts'
import { requireKnownOptions } from './known-options.ts'
import type { DeviceSpec, JsonObject } from './machine-spec.ts'

export const ALL_64_BITS = 0xffff_ffff_ffff_ffffn
/** QEMU's own limit. */
const MOST_NVME_FUNCTIONS = 127
const MOST_RAM_MIB = 1024

/**
 * QEMU's educational device: DMA both ways, MSI and INTx.
 * @param options.dmaMask address bits that its DMA keeps, QEMU clears the others silently. Default: all 64 (QEMU's own default is 28).
 */
export const edu = (options: { readonly dmaMask?: bigint } = {}): DeviceSpec => {
  requireKnownOptions('edu', options, ['dmaMask'])
  const { dmaMask = ALL_64_BITS } = options
  if (dmaMask <= 0n || dmaMask > ALL_64_BITS) {
    throw yours('BAD_MACHINE', `edu({ dmaMask: ${dmaMask}n }): the mask must be a positive number of at most 64 bits`)
  }
  return { kind: 'edu', dmaMask }
}

/** A memory BAR and an I/O BAR; no DMA, no interrupt. */
export const pciTestdev = (): DeviceSpec => ({ kind: 'pci-testdev' })

/**
 * Keeps translations of its IOMMU (ATS) and does DMA of a page both ways by them. No release of QEMU has it: the machine's own is used when it has
 * it (`qemu`), otherwise the lab builds one with a model of its own, once.
 */
export const pcieAtsTestdev = (): DeviceSpec => ({ kind: 'pcie-ats-testdev' })

/**
 * A device that the lab itself plays (images/devices/vfio-user-dma) and QEMU reaches by vfio-user: DMA of any length both ways, whose outcome it
 * reports, interrupts of all kinds, BARs of odd sizes. Its reports stand in the cell's folder.
 * @param options what it is and is not, or how it is broken (docs/devices.md). Cases that need what they take away are absent.
 */
export const vfioUserDma = (options: DmaOptionsInput = {}): DeviceSpec => {
  requireKnownOptions('vfioUserDma', options, Object.keys(dmaOptions.shape))
  const parsed = dmaOptions.safeParse(options)
  if (parsed.success) return { kind: 'vfio-user-dma', options: parsed.data }
  const problems = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
  throw yours('BAD_MACHINE', `vfioUserDma(): ${problems.join('; ')}`)
}

/**
 * A device of your own, written in TypeScript: docs/devices.md.
 * @param file whose default export it is, absolute or relative to lab.config.ts.
 * @param options JSON for it, when its default export is a function.
 */
export const vfioUser = (file: string, options?: JsonObject): DeviceSpec => {
  if (typeof file !== 'string' || file === '') throw yours('BAD_MACHINE', "vfioUser(): it takes the file of the device: vfioUser('./device.ts')")
  if (options === undefined) return { kind: 'vfio-user', file }
  const parsed = jsonObject.safeParse(options)
  if (parsed.success) return { kind: 'vfio-user', file, options: parsed.data }
  const wrong = parsed.error.issues[0]?.path.join('.') ?? ''
  throw yours('BAD_MACHINE', `vfioUser('${file}'): the options must be a JSON object${wrong === '' ? '' : `, and ${wrong} is no JSON`}`)
}

/** Writes to memory on a register read and says at once whether its IOMMU let it (QEMU 11). */
export const iommuTestdev = (): DeviceSpec => ({ kind: 'iommu-testdev' })

/**
 * A disk controller: DMA both ways by its queues, MSI-X and INTx, function level reset. Its disk is empty and forgets.
 * @param options.virtualFunctions how many it can switch on (SR-IOV), up to 127. Default 0.
 */
export const nvme = (options: { readonly virtualFunctions?: number } = {}): DeviceSpec => {
  requireKnownOptions('nvme', options, ['virtualFunctions'])
  const { virtualFunctions = 0 } = options
  if (!Number.isInteger(virtualFunctions) || virtualFunctions < 0 || virtualFunctions > MOST_NVME_FUNCTIONS) {
    throw yours('BAD_MACHINE', `nvme({ virtualFunctions: ${virtualFunctions} }): it must be a whole number, at most ${MOST_NVME_FUNCTIONS}`)
  }
  return { kind: 'nvme', virtualFunctions }
}

/** Intel's 82576 network controller, looped back to itself: DMA both ways, MSI-X, MSI and INTx, function level reset, 8 virtual functions (QEMU 8). */
export const igb = (): DeviceSpec => ({ kind: 'igb' })

/** Intel's 82574 network controller, looped back to itself: DMA both ways, MSI-X, MSI and INTx. */
export const e1000e = (): DeviceSpec => ({ kind: 'e1000e' })

/**
 * The virtio entropy device: writes random bytes to memory, through the IOMMU as any other device does.
 * @param options.ats it asks the IOMMU for translations and caches them; needs an IOMMU with `deviceIotlb`. Default false.
 */
export const virtioRng = (options: { readonly ats?: boolean } = {}): DeviceSpec => {
  requireKnownOptions('virtioRng', options, ['ats'])
  return { kind: 'virtio-rng', ats: options.ats ?? false }
}

/**
 * Memory as a device: a BAR that is RAM; no DMA, no interrupt. It stands on the root bus, alone of all devices, and so cannot be reset.
 * @param options.sizeMiB a power of two. Default 4.
 */
export const ivshmem = (options: { readonly sizeMiB?: number } = {}): DeviceSpec => {
  requireKnownOptions('ivshmem', options, ['sizeMiB'])
  const { sizeMiB = 4 } = options
  if (!Number.isInteger(Math.log2(sizeMiB)) || sizeMiB < 1 || sizeMiB > MOST_RAM_MIB) {
    throw yours('BAD_MACHINE', `ivshmem({ sizeMiB: ${sizeMiB} }): the size must be a power of two from 1 to ${MOST_RAM_MIB}`)
  }
  return { kind: 'ivshmem', sizeMiB }
}
