import type { KernelFacts } from '../kernel/built-kernel.ts'
import type { MachineFacts } from '../machine/machine-spec.ts'
import type { Needs } from '../../guest-agent/protocol.ts'

type Access = NonNullable<Needs['access']>

/**
 * Why a VFIO device cannot be reached in a cell in the way that a case needs; undefined when it can.
 * Without an IOMMU a device gets a group only with VFIO_NOIOMMU, and a cdev only with IOMMUFD_NOIOMMU, which older trees do not have (drivers/vfio/Kconfig,
 * drivers/iommu/iommufd/Kconfig).
 */
export const unreachable = (access: Access, kernel: KernelFacts, machine: MachineFacts): string | undefined => {
  const cdev = noCdev(kernel, machine)
  const group = noGroup(kernel, machine)
  switch (access) {
    case 'cdev': return cdev
    case 'group': return group
    case 'any': return cdev === undefined || group === undefined ? undefined : noDevice(kernel, machine)
    case 'none': return cdev === undefined || group === undefined ? 'a VFIO device can exist here' : undefined
  }
}

export const hasSymbol = (kernel: KernelFacts, symbol: string): boolean => {
  const value = Object.hasOwn(kernel.config, symbol) ? kernel.config[symbol] : undefined
  return value !== undefined && value !== 'n'
}

const noCdev = (kernel: KernelFacts, machine: MachineFacts): string | undefined => {
  if (!hasSymbol(kernel, 'VFIO_DEVICE_CDEV')) return 'VFIO_DEVICE_CDEV is not set'
  if (translated(machine) || hasSymbol(kernel, 'IOMMUFD_NOIOMMU')) return undefined
  return 'no VFIO cdev can exist: no IOMMU and IOMMUFD_NOIOMMU is not set'
}

const noGroup = (kernel: KernelFacts, machine: MachineFacts): string | undefined => {
  if (!hasSymbol(kernel, 'VFIO_GROUP')) return 'VFIO_GROUP is not set'
  if (translated(machine) || hasSymbol(kernel, 'VFIO_NOIOMMU')) return undefined
  return 'no VFIO group can exist: no IOMMU and VFIO_NOIOMMU is not set'
}

const noDevice = (kernel: KernelFacts, machine: MachineFacts): string => {
  if (translated(machine)) return 'no VFIO device can be reached: neither VFIO_DEVICE_CDEV nor VFIO_GROUP is set'
  if (!hasSymbol(kernel, 'VFIO_NOIOMMU')) return 'no VFIO device can exist: no IOMMU and VFIO_NOIOMMU is not set'
  return 'no VFIO device can exist: no IOMMU, VFIO_GROUP is not set and IOMMUFD_NOIOMMU is not set'
}

const translated = (machine: MachineFacts): boolean => machine.iommu.length > 0
