import type { CaseInfo, Needs } from '../../guest-agent/protocol.ts'
import type { CellPlan } from '../plan/plan.ts'
import type { MarkedCase } from './read-console.ts'

/** Said for every device that is bound without an IOMMU (drivers/vfio/group.c, vfio_main.c). */
const NOIOMMU_TAINT = 'Adding kernel taint for vfio-noiommu (?:group|cdev)'

const REACHES_DEVICE: readonly Needs['access'][] = ['cdev', 'group', 'any']

/**
 * A case with the console lines that it declares: those that it provokes, and, on a machine without an IOMMU, the taint that any case that reaches
 * a VFIO device there cannot avoid.
 */
export const declaredLines = ({ id, provokes, needs }: CaseInfo, plan: CellPlan): MarkedCase => ({
  id,
  provokes: REACHES_DEVICE.includes(needs.access) ? [...provokes, ...preparationLines(plan)] : provokes,
})

/** What the agent provokes while no case runs: it binds the devices before the first one and whenever a case left them unbound. */
export const preparationLines = ({ cell }: CellPlan): readonly string[] => (cell.machine.iommu === undefined ? [NOIOMMU_TAINT] : [])
