import type { CaseInfo } from '../../guest-agent/protocol.ts'
import { isPrebuilt } from '../config/own-config.ts'
import type { Cell, KconfigAsk, PlannedCase, Symbols } from './plan.ts'

interface KconfigRow {
  readonly name: string
  readonly title: string
  readonly asks: readonly KconfigAsk[]
}

const SUITE = 'kconfig'
const LIMIT_MS = 120_000

const CONTAINERS = [
  { IOMMUFD: 'y', VFIO_CONTAINER: 'y' },
  { IOMMUFD: 'y', VFIO_CONTAINER: 'n', IOMMUFD_VFIO_CONTAINER: 'y' },
] as const
const NO_CONTAINER = { IOMMUFD: 'y', VFIO_CONTAINER: 'n', IOMMUFD_VFIO_CONTAINER: 'n' } as const
const CDEV_NOIOMMU = { VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'y' } as const
const GROUP_NOIOMMU = { VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'n' } as const
const NO_NOIOMMU = { VFIO_NOIOMMU: 'n', IOMMUFD_NOIOMMU: 'n' } as const

/** Through which doors a device without an IOMMU can be reached (drivers/vfio/Kconfig, drivers/iommu/iommufd/Kconfig). */
const ROWS: readonly KconfigRow[] = [
  {
    name: 'group-and-container',
    title: 'noiommu can be had with groups and either container, and asks nothing of IOMMUFD',
    asks: [...CONTAINERS, { IOMMUFD: 'n' }].map((container) => row({ VFIO_GROUP: 'y', VFIO_DEVICE_CDEV: 'n', ...container }, GROUP_NOIOMMU)),
  },
  {
    name: 'group-without-container',
    title: 'noiommu cannot be had with groups that have no container',
    asks: [row({ VFIO_GROUP: 'y', VFIO_DEVICE_CDEV: 'n', ...NO_CONTAINER }, NO_NOIOMMU, GROUP_NOIOMMU)],
  },
  {
    name: 'group-container-and-cdev',
    title: 'noiommu can be had with groups, either container and cdevs, and brings IOMMUFD\'s with it',
    asks: CONTAINERS.map((container) => row({ VFIO_GROUP: 'y', VFIO_DEVICE_CDEV: 'y', ...container }, CDEV_NOIOMMU, GROUP_NOIOMMU)),
  },
  {
    name: 'group-and-cdev-without-container',
    title: 'noiommu cannot be had with groups that have no container, though there are cdevs',
    asks: [row({ VFIO_GROUP: 'y', VFIO_DEVICE_CDEV: 'y', ...NO_CONTAINER }, NO_NOIOMMU, GROUP_NOIOMMU)],
  },
  {
    name: 'cdev-alone',
    title: 'noiommu can be had in a kernel without groups, by its cdevs',
    asks: [row({ VFIO_GROUP: 'n', VFIO_DEVICE_CDEV: 'y', IOMMUFD: 'y' }, CDEV_NOIOMMU, NO_NOIOMMU)],
  },
  {
    name: 'no-door',
    title: 'VFIO has groups or cdevs whatever is asked, and noiommu is not there without VFIO',
    asks: [
      { asks: { VFIO_GROUP: 'n', VFIO_DEVICE_CDEV: 'n', IOMMUFD: 'y' }, becomes: { VFIO_GROUP: 'n', VFIO_DEVICE_CDEV: 'y', VFIO_NOIOMMU: 'n' } },
      { asks: { VFIO_GROUP: 'n', VFIO_DEVICE_CDEV: 'n', IOMMUFD: 'n' }, becomes: { VFIO_GROUP: 'y', VFIO_CONTAINER: 'y', VFIO_DEVICE_CDEV: 'n', VFIO_NOIOMMU: 'n' } },
      { asks: { VFIO: 'n', IOMMUFD: 'y', VFIO_NOIOMMU: 'y' }, becomes: { VFIO: 'n', ...NO_NOIOMMU } },
    ],
  },
]

/** noiommu is asked for, and what else is asked must come out as it is. */
function row(asks: Symbols, becomes: Symbols, older?: Symbols): KconfigAsk {
  return { asks: { ...asks, VFIO_NOIOMMU: 'y' }, becomes: { ...asks, ...becomes }, ...(older === undefined ? {} : { older: { ...asks, ...older } }) }
}

/** The cases that are put to the Kconfig files of the tree under test: olddefconfig answers them, without a guest and without a compiler. */
export const KCONFIG_CASES: readonly CaseInfo[] = ROWS.map(({ name, title }) => ({
  id: `${SUITE}/${name}`, suite: SUITE, title, needs: {}, covers: { ioctls: [], sources: ['drivers/vfio/Kconfig', 'drivers/iommu/iommufd/Kconfig'] },
  timeoutMs: LIMIT_MS, provokes: [], onRequest: true,
}))

export const kconfigAsks = (caseId: string): readonly KconfigAsk[] | undefined => ROWS.find(({ name }) => caseId === `${SUITE}/${name}`)?.asks

/** A case of the catalogue as a cell can have it; those of Kconfig are of the tree, so they are judged once: in `first`, the first cell of its kernel. */
export const kconfigCase = (info: CaseInfo, cell: Cell, first: Cell): PlannedCase => {
  const kconfig = kconfigAsks(info.id)
  if (kconfig === undefined) return info
  if (isPrebuilt(cell.kernel.source)) return { ...info, unfit: 'a prebuilt kernel comes without its Kconfig files' }
  return cell.id === first.id ? { ...info, kconfig } : { ...info, unfit: `it is put to the tree once: in ${first.id}` }
}
