import { expect, test } from 'vitest'
import { DEVICE_KINDS, IOMMU_TRAITS, type Needs, TOPOLOGIES } from '../../../guest-agent/protocol.ts'
import { catalogue } from '../../../guest-agent/suites/index.ts'
import type { KernelFacts } from '../../../orchestrator/kernel/built-kernel.ts'
import type { MachineFacts } from '../../../orchestrator/machine/machine-spec.ts'
import { unmetNeed } from '../../../orchestrator/plan/unmet-need.ts'

/** A machine with every device in every place, and the IOMMU that the case wants. */
const machineFor = ({ iommu = 'present' }: Needs): MachineFacts => ({
  iommu: IOMMU_TRAITS.filter((trait) => (typeof iommu === 'string' ? iommu === 'present' && trait === 'intel' : iommu.includes(trait))),
  devices: DEVICE_KINDS,
  topology: TOPOLOGIES,
})

const DOORS: readonly (readonly string[])[] = [[], ['VFIO_DEVICE_CDEV', 'IOMMUFD_NOIOMMU', 'VFIO_NOIOMMU'], ['VFIO_GROUP', 'VFIO_NOIOMMU'], ['VFIO_DEVICE_CDEV'], ['VFIO_GROUP']]

/** Kernels that have what the case asks of its config and headers, and one door to a VFIO device or another. */
const kernelsFor = ({ config = [], uapi = [] }: Needs): readonly KernelFacts[] => {
  const asked = config.map((line) => line.split('|')[0] ?? '')
  const refused = asked.filter((term) => term.startsWith('!')).map((term) => term.slice(1))
  return DOORS.map((door) => ({
    config: Object.fromEntries([...door, ...asked.filter((term) => !term.startsWith('!'))].filter((symbol) => !refused.includes(symbol)).map((symbol) => (symbol.endsWith('=m') ? [symbol.slice(0, -2), 'm'] : [symbol, 'y']))),
    uapi: uapi.filter((name) => !name.startsWith('!')),
  }))
}

test('every case is planned in some cell: needs that contradict each other would take it away everywhere, and nobody would miss it', () => {
  for (const { info: { id, needs } } of catalogue) {
    const absences = kernelsFor(needs).map((kernel) => unmetNeed(needs, kernel, machineFor(needs)))
    expect.soft(absences, id).toContain(undefined)
  }
})
