import type { CaseInfo, Needs } from '../../guest-agent/protocol.ts'
import { machineFacts } from '../machine/machine-facts.ts'
import type { CellPlan } from '../plan/plan.ts'
import type { MarkedCase } from './read-console.ts'

/** Said for every device that is bound without an IOMMU (drivers/vfio/group.c, vfio_main.c). */
const NOIOMMU_TAINT = 'Adding kernel taint for vfio-noiommu (?:group|cdev)'

/** Said while a kernel loads the modules that it came with: who built and signed them is no verdict on it (kernel/module/main.c, signing.c). */
const MODULE_TAINT = '\\b(?:loading out-of-tree module taints kernel|module verification failed: .*tainting kernel)'
/** What that leaves behind, for every stack dump to show; the letters are those of taint.ts. */
const MODULE_TAINTS = ['O', 'E', 'C', 'X']

const REACHES_DEVICE: readonly Needs['access'][] = ['cdev', 'group', 'any']

/**
 * A case with the console lines that it declares: those that it provokes, and, on a machine with devices that have no IOMMU, the taint that any case that reaches
 * a VFIO device there cannot avoid.
 */
export const declaredLines = ({ id, provokes, needs }: CaseInfo, plan: CellPlan): MarkedCase => ({
  id,
  provokes: REACHES_DEVICE.includes(needs.access) ? [...provokes, ...bindingLines(plan)] : provokes,
})

/** What the lab provokes while no case runs: init loads modules, the agent binds the devices before the first case and whenever one left them unbound. */
export const preparationLines = (plan: CellPlan): readonly string[] => [...bindingLines(plan), ...(hasModules(plan) ? [MODULE_TAINT] : [])]

/** Letters of the taints that the kernel may have before anything is asked of it. */
export const preparationTaints = (plan: CellPlan): readonly string[] => (hasModules(plan) ? MODULE_TAINTS : [])

const bindingLines = ({ cell: { machine } }: CellPlan): readonly string[] =>
  (machine.iommu === undefined || machineFacts(machine).topology.includes('bypassing') ? [NOIOMMU_TAINT] : [])

const hasModules = ({ kernel }: CellPlan): boolean => kernel.status === 'built' && kernel.modules.length > 0
