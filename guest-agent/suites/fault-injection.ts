import { eachAllocationFails, FAILING_ALLOCATIONS, neverFails } from '../case/each-allocation.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { memfd } from '../sys/memfd.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { iommufdStructs } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const CONFIG = ['IOMMUFD', ...FAILING_ALLOCATIONS]
const NEEDS = { access: 'cdev', config: CONFIG } as const
const TIMEOUT = 30_000
const MAIN = 'drivers/iommu/iommufd/main.c'
const IOAS = 'drivers/iommu/iommufd/ioas.c'
const PAGES = ['drivers/iommu/iommufd/pages.c', 'drivers/iommu/iommufd/io_pagetable.c']
const PAGE = BigInt(PAGE_SIZE)
const [NEAR, BESIDE, FAR] = [0x100_0000n, 0x200_0000n, 0x40_0000_0000n]

const open = defineCase({
  name: 'open-iommu',
  title: '/dev/iommu opens or is ENOMEM',
  needs: { config: CONFIG },
  covers: { ioctls: [], sources: [MAIN] },
  run: (lab) => {
    eachAllocationFails(lab, { call: () => IommuFd.open(), undo: (iommu) => { iommu.close() } })
  },
})

const ioas = defineCase({
  name: 'ioas-alloc',
  title: 'an IOAS for which there is no memory does not exist; the next one gets its id',
  needs: { config: CONFIG },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC'], sources: [MAIN, IOAS] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const first = iommu.ioasAlloc()
    first.destroy()
    eachAllocationFails(lab, {
      call: () => iommu.ioasAlloc(),
      undo: (made) => {
        equal(made.id, first.id, 'id of the IOAS')
        made.destroy()
      },
    })
  },
})

const allow = defineCase({
  name: 'ioas-allow-iovas',
  title: 'where there is no memory for the ranges that shall be allowed, those before stay allowed',
  needs: { config: CONFIG },
  covers: { ioctls: ['IOMMU_IOAS_ALLOW_IOVAS'], sources: [IOAS, ...PAGES] },
  run: (lab) => {
    const space = lab.use(IommuFd.open()).ioasAlloc()
    const memory = lab.use(Memory.pages(PAGE_SIZE))
    const before = () => { space.allow([{ start: NEAR, last: BESIDE - 1n }]) }
    before()
    eachAllocationFails(lab, {
      call: () => { space.allow([{ start: BESIDE, last: FAR - 1n }, { start: 2n * FAR, last: 3n * FAR }]) },
      undo: before,
      state: () => {
        const iova = space.map(memory)
        space.unmap(iova, PAGE)
        return iova
      },
    })
  },
})

const faultQueue = defineCase({
  name: 'fault-queue-alloc',
  title: 'a fault queue for which there is no memory is neither an object nor a descriptor',
  needs: { config: CONFIG, uapi: ['IOMMU_FAULT_QUEUE_ALLOC'] },
  covers: { ioctls: ['IOMMU_FAULT_QUEUE_ALLOC'], sources: ['drivers/iommu/iommufd/eventq.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    eachAllocationFails(lab, {
      call: () => iommu.faultQueueAlloc(),
      undo: ({ id, fd }) => {
        equal(id, 1, 'id of the queue')
        fd.close()
        iommu.destroy(id)
      },
    })
  },
})

const changeProcess = defineCase({
  name: 'change-process',
  title: 'mappings of files stay this process\'s when there is no memory to hand them over',
  needs: { config: [...CONFIG, 'MEMFD_CREATE'], uapi: ['IOMMU_IOAS_MAP_FILE', 'IOMMU_IOAS_CHANGE_PROCESS'] },
  covers: { ioctls: ['IOMMU_IOAS_CHANGE_PROCESS'], sources: [IOAS] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const file = lab.use(memfd(PAGE_SIZE))
    for (const space of [iommu.ioasAlloc(), iommu.ioasAlloc()]) space.mapFile(file, { length: PAGE })
    eachAllocationFails(lab, {
      call: () => iommu.ioctl('IOMMU_IOAS_CHANGE_PROCESS', iommufdStructs.ioasChangeProcess.make()),
      undo: () => undefined,
    })
  },
})

const map = defineCase({
  name: 'ioas-map',
  title: 'memory that cannot be mapped for an attached device stays unpinned and its IOVA free, with another mapping there or none',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: PAGES },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { ioas: space, device } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    for (const others of [0, 1]) {
      if (others === 1) space.map(memory, { iova: NEAR })
      eachAllocationFails(lab, {
        call: () => space.map(memory, { iova: FAR }),
        undo: (iova) => {
          equal(space.unmap(iova, memory.length), BigInt(memory.length), 'bytes mapped')
          // The next page table has no levels left of this one.
          device.detach()
          device.attach(space.id)
        },
        state: () => space.ranges(),
      })
      equal(space.unmapAll(), BigInt(others * memory.length), 'bytes of the mapping that was there before')
    }
  },
})

const mapHuge = defineCase({
  name: 'ioas-map-huge',
  title: 'the same for huge pages and for the pages beside them',
  needs: { ...NEEDS, config: [...CONFIG, 'HUGETLBFS'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: PAGES },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { ioas: space, device } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.hugePages(2))
    eachAllocationFails(lab, {
      // Half of the second one makes small pages of it.
      call: () => space.map({ address: memory.address, length: HUGE_PAGE_SIZE + HUGE_PAGE_SIZE / 2 }, { iova: FAR }),
      undo: () => {
        equal(space.unmapAll(), BigInt(HUGE_PAGE_SIZE + HUGE_PAGE_SIZE / 2), 'bytes mapped')
        device.detach()
        device.attach(space.id)
      },
      state: () => space.ranges(),
    })
  },
})

const mapFile = defineCase({
  name: 'ioas-map-file',
  title: 'a file that cannot be mapped for an attached device stays unpinned and its IOVA free',
  needs: { ...NEEDS, config: [...CONFIG, 'MEMFD_CREATE'], uapi: ['IOMMU_IOAS_MAP_FILE'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP_FILE'], sources: PAGES },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { ioas: space, device } = openThroughCdev(lab, lab.device())
    const file = lab.use(memfd(8 * PAGE_SIZE))
    // Its pages are there before: they are not the call's.
    lab.use(Memory.ofFile(file, 8 * PAGE_SIZE)).bytes.fill(1)
    eachAllocationFails(lab, {
      call: () => space.mapFile(file, { length: 8n * PAGE, iova: FAR }),
      undo: () => {
        equal(space.unmapAll(), 8n * PAGE, 'bytes mapped')
        device.detach()
        device.attach(space.id)
      },
      state: () => space.ranges(),
    })
  },
})

const copy = defineCase({
  name: 'ioas-copy',
  title: 'two mappings that cannot be copied for an attached device stay where they are and are not at the other IOVA',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_COPY'], sources: PAGES },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, ioas: space, device } = openThroughCdev(lab, lab.device())
    const source = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(4 * PAGE_SIZE))
    for (const iova of [NEAR, NEAR + 4n * PAGE]) source.map(memory, { iova })
    eachAllocationFails(lab, {
      call: () => space.copyFrom(source, { from: NEAR, length: 8n * PAGE, iova: FAR }),
      undo: () => {
        equal(space.unmapAll(), 8n * PAGE, 'bytes copied')
        device.detach()
        device.attach(space.id)
      },
      state: () => space.ranges(),
    })
    equal(source.unmapAll(), 8n * PAGE, 'bytes at the source')
  },
})

const unmap = defineCase({
  name: 'ioas-unmap',
  title: 'unmapping wants no memory that it cannot do without: it never fails, and nothing stays pinned',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_UNMAP'], sources: PAGES },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, ioas: space } = openThroughCdev(lab, lab.device())
    const other = iommu.ioasAlloc()
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    const mapAll = () => {
      for (const iova of [NEAR, BESIDE, FAR]) space.map(memory, { iova })
      // The pages of one of them are kept by somebody else too.
      other.copyFrom(space, { from: FAR, length: 4n * PAGE, iova: FAR })
    }
    mapAll()
    neverFails(lab, {
      call: () => space.unmapAll(),
      undo: (bytes) => {
        equal(bytes, 24n * PAGE, 'bytes unmapped')
        other.unmapAll()
        mapAll()
      },
    })
  },
})

const split = defineCase({
  name: 'compat-split',
  title: 'a hole that type1 cannot cut for lack of memory is not cut: all of the mapping is still there',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA'], sources: ['drivers/iommu/iommufd/vfio_compat.c', ...PAGES] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { iommu, ioas: space } = openThroughCdev(lab, lab.device())
    iommu.setVfioIoas(space.id)
    const compat = new Container(iommu.fd)
    compat.setIommu(VFIO.VFIO_TYPE1_IOMMU)
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    compat.mapDma(memory, FAR)
    eachAllocationFails(lab, {
      call: () => compat.unmapDma(FAR + 3n * PAGE, 2n * PAGE),
      undo: (bytes) => {
        equal(bytes, 2n * PAGE, 'bytes of the hole')
        equal(space.unmapAll(), 6n * PAGE, 'bytes beside the hole')
        compat.mapDma(memory, FAR)
      },
      state: () => space.ranges(),
    })
  },
})

export const faultInjection = suite('fault-injection', [
  open, ioas, allow, faultQueue, changeProcess, map, mapHuge, mapFile, copy, unmap, split,
], { onRequest: true })
