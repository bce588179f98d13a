import type { CaseContext } from '../case/case-context.ts'
import { eachAllocationFails, eachAllocationMayFail, FAILING_ALLOCATIONS, neverFails } from '../case/each-allocation.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import { keepEnabled } from '../pci/keep-enabled.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { pinnedPages } from '../sys/pinned-pages.ts'
import { VFIO } from '../uapi/vfio.ts'
import { type AttachedGroup, attachGroup, type ContainerPath, groupPath, hasContainer, openGroup } from '../vfio/attached-group.ts'
import { Container } from '../vfio/container.ts'
import { VfioGroup } from '../vfio/vfio-group.ts'

const NEEDS = { access: 'group', iommu: 'present', config: FAILING_ALLOCATIONS } as const
const TYPE1 = { ...NEEDS, config: [...FAILING_ALLOCATIONS, 'VFIO_IOMMU_TYPE1'] } as const
const TIMEOUT = 30_000
const GROUP = 'drivers/vfio/group.c'
const CONTAINER = 'drivers/vfio/container.c'
const TYPE1_C = 'drivers/vfio/vfio_iommu_type1.c'
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'
const PAGE = BigInt(PAGE_SIZE)
const [NEAR, FAR] = [0x100_0000n, 0x40_0000_0000n]
const { VFIO_DMA_UNMAP_FLAG_ALL: ALL } = VFIO

/** Whatever serves as a container in this kernel: type1, iommufd's emulation of it, /dev/iommu. */
const containerPaths = (lab: CaseContext): readonly ContainerPath[] => [
  ...(hasContainer(lab) ? ['/dev/vfio/vfio'] as const : []),
  ...(lab.config('IOMMUFD') ? ['/dev/iommu'] as const : []),
]

/** A group in each of them, and neither open any more when the next one's turn comes. */
const inEachContainer = (lab: CaseContext, run: (attached: AttachedGroup, path: ContainerPath) => void): void => {
  for (const path of containerPaths(lab)) {
    const attached = attachGroup(lab, { path })
    run(attached, path)
    attached.group.close()
    attached.container.close()
  }
}

const isType1 = (lab: CaseContext, path: ContainerPath): boolean => path === '/dev/vfio/vfio' && lab.config('VFIO_CONTAINER')

const openGroupCase = defineCase({
  name: 'open-group',
  title: 'a group opens or is ENOMEM, and can be opened then',
  needs: NEEDS,
  covers: { ioctls: [], sources: [GROUP] },
  run: (lab) => {
    const path = groupPath(lab.device())
    eachAllocationFails(lab, { call: () => VfioGroup.open(path), undo: (group) => { group.close() } })
  },
})

const openContainer = defineCase({
  name: 'open-container',
  title: '/dev/vfio/vfio opens or is ENOMEM',
  needs: { config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER', ...FAILING_ALLOCATIONS] },
  covers: { ioctls: [], sources: [CONTAINER] },
  run: (lab) => {
    eachAllocationFails(lab, { call: () => Container.open(), undo: (container) => { container.close() } })
  },
})

const setContainer = defineCase({
  name: 'set-container',
  title: 'a group that a container has no memory for is in none, and can go into it then',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER'], sources: [GROUP, CONTAINER, COMPAT] },
  run: (lab) => {
    for (const path of containerPaths(lab)) {
      const group = openGroup(lab)
      let container = Container.open(path)
      // iommufd makes an IOAS for the first group: a new container each time, because it stays. type1 leaves all to the IOMMU's driver.
      const fails = isType1(lab, path) ? eachAllocationMayFail : eachAllocationFails
      fails(lab, {
        call: () => { group.setContainer(container) },
        undo: () => {
          group.unsetContainer()
          container.close()
          container = Container.open(path)
        },
        state: () => group.status(),
      })
      group.close()
      container.close()
    }
  },
})

const setIommu = defineCase({
  name: 'set-iommu',
  title: 'a container that cannot have an IOMMU for lack of memory has none, keeps its group, and can have one then; with iommufd it always has one',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_SET_IOMMU'], sources: [CONTAINER, TYPE1_C, COMPAT] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    for (const path of containerPaths(lab)) {
      const [group, container] = [openGroup(lab), Container.open(path)]
      group.setContainer(container)
      const fails = isType1(lab, path) ? eachAllocationFails : neverFails
      fails(lab, {
        call: () => { container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU) },
        undo: () => {
          group.unsetContainer()
          group.setContainer(container)
        },
        state: () => group.status(),
      })
      group.close()
      container.close()
    }
  },
})

const secondGroup = defineCase({
  name: 'second-group',
  title: 'a second group that type1 has no memory for is in no container; what is mapped for the first one stays',
  needs: { ...TYPE1, devices: 2 },
  covers: { ioctls: ['VFIO_GROUP_SET_CONTAINER'], sources: [CONTAINER, TYPE1_C] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { pci, container } = attachGroup(lab)
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    for (const iova of [NEAR, FAR]) container.mapDma(memory, iova)
    const second = openGroup(lab, lab.inAnotherGroup(pci))
    eachAllocationFails(lab, {
      call: () => { second.setContainer(container) },
      undo: () => { second.unsetContainer() },
      state: () => [second.status(), container.info().capabilities.map(({ data }) => data)],
    })
    equal(container.unmapDma(0n, 0n, ALL), 8n * PAGE, 'bytes mapped')
  },
})

const getDevice = defineCase({
  name: 'get-device-fd',
  title: 'a device for which there is no memory is not open, has no descriptor, and can be opened then',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, 'drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/iommufd.c'] },
  timeoutMs: TIMEOUT,
  run: async (lab) => {
    await keepEnabled(lab, lab.device())
    inEachContainer(lab, ({ pci, group, container }) => {
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, FAR)
      eachAllocationFails(lab, { call: () => group.device(pci.bdf), undo: (device) => { device.close() } })
      equal(container.unmapDma(FAR, memory.length), 4n * PAGE, 'bytes mapped')
    })
  },
})

/** What has the group's IOMMU forget the levels of its page table. */
const anew = ({ group, container }: AttachedGroup): void => {
  group.unsetContainer()
  group.setContainer(container)
  container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
}

const map = defineCase({
  name: 'type1-map',
  title: 'memory that type1 cannot map stays unpinned and uncounted and its IOVA free, with another mapping there or none',
  needs: TYPE1,
  covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: [TYPE1_C] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const attached = attachGroup(lab)
    const { container } = attached
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    for (const others of [[], [NEAR]]) {
      const mapOthers = () => { for (const iova of others) container.mapDma(memory, iova) }
      mapOthers()
      eachAllocationFails(lab, {
        call: () => { container.mapDma(memory, FAR) },
        undo: () => {
          equal(container.unmapDma(0n, 0n, ALL), BigInt(1 + others.length) * 8n * PAGE, 'bytes mapped')
          anew(attached)
          mapOthers()
        },
        state: () => container.info().capabilities.map(({ data }) => data),
      })
    }
  },
})

const mapHuge = defineCase({
  name: 'type1-map-huge',
  title: 'the same for huge pages and for the pages beside them',
  needs: { ...TYPE1, config: [...TYPE1.config, 'HUGETLBFS'] },
  covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: [TYPE1_C] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const attached = attachGroup(lab)
    const { container } = attached
    const { address } = lab.use(Memory.hugePages(2))
    const length = HUGE_PAGE_SIZE + HUGE_PAGE_SIZE / 2
    eachAllocationFails(lab, {
      call: () => { container.mapDma({ address, length }, FAR) },
      undo: () => {
        equal(container.unmapDma(FAR, length), BigInt(length), 'bytes mapped')
        anew(attached)
      },
      state: () => container.info().capabilities.map(({ data }) => data),
    })
  },
})

const unmap = defineCase({
  name: 'unmap',
  title: 'a container unmaps however short memory is, and nothing stays pinned',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1_C, COMPAT] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    inEachContainer(lab, ({ pci, group, container }) => {
      const device = group.device(pci.bdf)
      const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
      const pinned = pinnedPages()
      const mapBoth = () => { for (const iova of [NEAR, FAR]) container.mapDma(memory, iova) }
      mapBoth()
      neverFails(lab, {
        call: () => container.unmapDma(0n, 0n, ALL),
        undo: (bytes) => {
          equal(bytes, 16n * PAGE, 'bytes unmapped')
          equal(pinnedPages(), pinned, 'pages pinned after all was unmapped')
          mapBoth()
        },
      })
      container.unmapDma(0n, 0n, ALL)
      device.close()
    })
  },
})

const unsetContainer = defineCase({
  name: 'unset-container',
  title: 'a group leaves its container however short memory is',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_GROUP_UNSET_CONTAINER'], sources: [GROUP, CONTAINER, TYPE1_C] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    inEachContainer(lab, ({ group, container }, path) => {
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      const pinned = pinnedPages()
      const inContainer = () => {
        group.setContainer(container)
        container.setIommu(VFIO.VFIO_TYPE1v2_IOMMU)
        if (path === '/dev/vfio/vfio') container.mapDma(memory, FAR)
      }
      group.unsetContainer()
      inContainer()
      neverFails(lab, {
        call: () => { group.unsetContainer() },
        undo: () => {
          equal(pinnedPages(), pinned, 'pages pinned after the group left')
          inContainer()
        },
      })
    })
  },
})

const close = defineCase({
  name: 'close-device',
  title: 'a device of a group is closed however short memory is, and can be opened again',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_GROUP_GET_DEVICE_FD'], sources: [GROUP, 'drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/iommufd.c'] },
  timeoutMs: TIMEOUT,
  run: async (lab) => {
    await keepEnabled(lab, lab.device())
    inEachContainer(lab, ({ pci, group, container }) => {
      const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
      container.mapDma(memory, FAR)
      let device = group.device(pci.bdf)
      neverFails(lab, { call: () => { device.close() }, undo: () => { device = group.device(pci.bdf) } })
      device.close()
      equal(container.unmapDma(FAR, memory.length), 4n * PAGE, 'bytes mapped')
    })
  },
})

export const faultInjectionGroup = suite('fault-injection-group', [
  openGroupCase, openContainer, setContainer, setIommu, secondGroup, getDevice, map, mapHuge, unmap, unsetContainer, close,
], { onRequest: true })
