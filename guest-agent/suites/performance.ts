import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { containerDoor } from '../performance/container-door.ts'
import type { DmaDoor } from '../performance/dma-door.ts'
import { dmaWitness, witnessDevice } from '../performance/dma-witness.ts'
import { ioasDoor } from '../performance/ioas-door.ts'
import { HUGE_PAGES, SMALL_PAGES } from '../performance/pages.ts'
import { timeMappings } from '../performance/time-mappings.ts'
import type { Needs } from '../protocol.ts'
import { lockedKb, pinnedKb } from '../sys/locked-memory.ts'
import { openThroughCdev, openThroughGroup } from '../vfio/open-device.ts'

const TIMEOUT_MS = 60_000
const IOAS_IOCTLS = ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_COPY']
const CONTAINER_IOCTLS = ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA']
const IOMMUFD_SOURCES = ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c']

interface DoorCases {
  readonly name: string
  /** What is timed. */
  readonly what: string
  readonly needs: Needs
  readonly ioctls: readonly string[]
  readonly sources: readonly string[]
  readonly open: (lab: CaseContext) => Promise<DmaDoor>
}

/** By one door, with small pages and with huge ones. */
const casesOf = ({ name, what, needs, ioctls, sources, open }: DoorCases) => [
  defineCase({
    name,
    title: `${what} goes right and takes its time, from 4 KiB to 1 GiB of small pages`,
    needs,
    covers: { ioctls, sources },
    timeoutMs: TIMEOUT_MS,
    timed: true,
    run: async (lab) => { await timeMappings(lab, await open(lab), SMALL_PAGES) },
  }),
  defineCase({
    name: `${name}-huge`,
    title: `${what} goes right and takes its time, from 2 MiB to 1 GiB of huge pages`,
    needs: { ...needs, config: [...needs.config ?? [], 'HUGETLBFS'] },
    covers: { ioctls, sources },
    timeoutMs: TIMEOUT_MS,
    timed: true,
    run: async (lab) => { await timeMappings(lab, await open(lab), HUGE_PAGES) },
  }),
]

/** Nothing is pinned: what is measured is the bookkeeping. */
const ioas = casesOf({
  name: 'ioas',
  what: 'mapping, copying and unmapping in an IOAS without a device',
  needs: { config: ['IOMMUFD'] },
  ioctls: IOAS_IOCTLS,
  sources: IOMMUFD_SOURCES,
  open: (lab) => {
    const iommu = lab.use(IommuFd.open())
    return Promise.resolve({ ...ioasDoor(iommu.ioasAlloc(), iommu.ioasAlloc()), pins: false })
  },
})

const cdev = casesOf({
  name: 'cdev',
  what: 'mapping, copying and unmapping for a device that is attached to the IOAS',
  needs: { access: 'cdev', device: [] },
  ioctls: IOAS_IOCTLS,
  sources: IOMMUFD_SOURCES,
  open: async (lab) => {
    const open = openThroughCdev(lab, witnessDevice(lab))
    const write = await dmaWitness(lab, open)
    const addressOf = (iova: bigint) => (open.dma.translated ? iova : open.ioas.noiommuGetPa(iova, 1n).physical)
    return { ...ioasDoor(open.ioas, open.ioas), pins: true, ...(write === undefined ? {} : { dmaWrite: (iova: bigint) => write(addressOf(iova)) }) }
  },
})

const group = async (lab: CaseContext, path: '/dev/vfio/vfio' | '/dev/iommu') => {
  const open = openThroughGroup(lab, witnessDevice(lab), { container: path })
  const dmaWrite = await dmaWitness(lab, open)
  return { ...containerDoor(open.container), pins: true, ...(dmaWrite === undefined ? {} : { dmaWrite }) }
}

const type1 = casesOf({
  name: 'type1',
  what: 'mapping and unmapping in a container of type1',
  needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'], device: [] },
  ioctls: CONTAINER_IOCTLS,
  sources: ['drivers/vfio/vfio_iommu_type1.c'],
  open: async (lab) => ({ ...await group(lab, '/dev/vfio/vfio'), pinnedKb: lockedKb }),
})

const compat = casesOf({
  name: 'compat',
  what: 'mapping and unmapping in a container that iommufd plays',
  needs: { access: 'group', iommu: 'present', config: ['IOMMUFD'], device: [] },
  ioctls: CONTAINER_IOCTLS,
  sources: ['drivers/iommu/iommufd/vfio_compat.c', ...IOMMUFD_SOURCES],
  open: async (lab) => ({ ...await group(lab, '/dev/iommu'), pinnedKb }),
})

export const performanceOfMaps = suite('performance', [...ioas, ...cdev, ...type1, ...compat], { onRequest: true })
