import type { CellFacts } from '../protocol.ts'
import { readText, writeText } from '../sys/text-file.ts'

const path = (module: string, parameter: string): string => `/sys/module/${module}/parameters/${parameter}`

export const NOIOMMU_PARAMETER = path('vfio', 'enable_unsafe_noiommu_mode')
export const UNSAFE_INTERRUPTS_PARAMETER = path('iommufd', 'allow_unsafe_interrupts')
const TYPE1_UNSAFE_INTERRUPTS_PARAMETER = path('vfio_iommu_type1', 'allow_unsafe_interrupts')
/** There only with PCI_IOV. */
export const SRIOV_PARAMETER = path('vfio_pci', 'enable_sriov')

/** Every parameter of VFIO and IOMMUFD that decides what a device may do. */
const PARAMETERS: readonly string[] = [NOIOMMU_PARAMETER, UNSAFE_INTERRUPTS_PARAMETER, TYPE1_UNSAFE_INTERRUPTS_PARAMETER, SRIOV_PARAMETER]

export type ParameterValues = ReadonlyMap<string, string>

/** The parameters that this kernel has, and their values (`Y`, `N`). */
export const readParameters = (): ParameterValues =>
  new Map(PARAMETERS.flatMap((name) => {
    const value = readText(name)
    return value === undefined ? [] : [[name, value] as const]
  }))

/** Writes the parameters that differ; returns what it changed, `path=value` each. */
export const writeParameters = (wanted: ParameterValues): readonly string[] => {
  const now = readParameters()
  return [...wanted].filter(([name, value]) => now.has(name) && now.get(name) !== value).map(([name, value]) => {
    writeText(name, value)
    return `${name}=${value}`
  })
}

/**
 * What this cell's devices need before they are bound: those without an IOMMU the noiommu mode, those behind an IOMMU that does not
 * remap interrupts the consent to interrupts that a device could forge.
 */
export const neededParameters = ({ iommu, topology }: CellFacts): ParameterValues => {
  const noiommu = iommu.length === 0 || topology.includes('bypassing')
  const unsafe = iommu.length > 0 && !iommu.includes('interrupt-remapping')
  return new Map(PARAMETERS.filter((name) => (name === NOIOMMU_PARAMETER ? noiommu : unsafe)).map((name) => [name, 'Y']))
}
