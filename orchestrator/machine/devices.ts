import { yours } from '../host/errors.ts'
import { requireKnownOptions } from './known-options.ts'
import type { DeviceSpec } from './machine-spec.ts'

const ALL_64_BITS = 0xffff_ffff_ffff_ffffn

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

/** Writes to memory on a register read and says at once whether its IOMMU let it (QEMU 11). */
export const iommuTestdev = (): DeviceSpec => ({ kind: 'iommu-testdev' })
