import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { withoutCapability } from '../sys/capability.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { withMemlockLimit } from '../sys/rlimit.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup } from '../vfio/attached-group.ts'
import type { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { containerIovaRanges, dmaAvailable } from '../vfio/type1-info.ts'

const { VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_DMA_UNMAP_FLAG_ALL } = VFIO
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const NEEDS = { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] } as const
const IOVA = 0x10_0000n
const PAGE = BigInt(PAGE_SIZE)
const READ_WRITE = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE

/** Locked memory of this process in bytes, as VFIO accounts for what it pins. */
const lockedBytes = (): number => Number(/^VmLck:\s+(\d+) kB$/m.exec(readText('/proc/self/status') ?? '')?.[1]) * 1024

const isEmpty = (container: Container): void => {
  equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), 0n, 'bytes that a refused VFIO_IOMMU_MAP_DMA left mapped')
}

export const containerType1Map = suite('container-type1-map', [
  defineCase({
    name: 'arguments',
    title: 'a map with a wrong length, flag, size, alignment or a range that wraps is refused and maps nothing',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const { address: vaddr } = lab.use(Memory.pages(2 * PAGE_SIZE))
      const good = { flags: READ_WRITE, vaddr, iova: IOVA, size: PAGE }
      const refused = (code: string, change: Partial<typeof good & { readonly argsz: number }>) =>
        expectErrno(code, () => container.ioctl('VFIO_IOMMU_MAP_DMA', vfioStructs.iommuType1DmaMap.make({ ...good, ...change })))
      for (const argsz of [0, 24, 31]) refused('EINVAL', { argsz })
      for (const flags of [0, 8, READ_WRITE | 0x8000_0000]) refused('EINVAL', { flags })
      refused('EINVAL', { size: 0n })
      for (const size of [1n, PAGE - 1n, PAGE + 1n]) refused('EINVAL', { size })
      for (const iova of [IOVA + 1n, IOVA + PAGE / 2n]) refused('EINVAL', { iova })
      refused('EINVAL', { vaddr: vaddr + 8n })
      refused('EOVERFLOW', { iova: -PAGE & 0xffff_ffff_ffff_ffffn, size: 2n * PAGE })
      refused('EOVERFLOW', { vaddr: -PAGE & 0xffff_ffff_ffff_ffffn, size: 2n * PAGE })
      expectErrno('EFAULT', () => container.ioctl('VFIO_IOMMU_MAP_DMA'))
      isEmpty(container)
    },
  }),
  defineCase({
    name: 'overlap',
    title: 'a map that touches one that is there is EEXIST, wherever it touches, and leaves it as it is',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const { address } = lab.use(Memory.pages(4 * PAGE_SIZE))
      const map = (iova: bigint, pages: number) => { container.mapDma({ address, length: pages * PAGE_SIZE }, iova) }
      map(IOVA, 2)
      for (const [iova, pages] of [[IOVA, 2], [IOVA, 1], [IOVA + PAGE, 1], [IOVA + PAGE, 2], [IOVA - PAGE, 2], [IOVA - PAGE, 4]] as const) {
        expectErrno('EEXIST', () => { map(iova, pages) })
      }
      map(IOVA - PAGE, 1)
      map(IOVA + 2n * PAGE, 1)
      equal(container.unmapDma(IOVA, 2 * PAGE_SIZE), 2n * PAGE, 'bytes of the first mapping')
    },
  }),
  defineCase({
    name: 'reserved',
    title: 'what is not in the IOVA ranges that the container tells cannot be mapped (EINVAL), their edges can',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_GET_INFO'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
      const page = { address: memory.address, length: PAGE_SIZE }
      for (const iova of [0xfee0_0000n, 0xfeef_f000n]) expectErrno('EINVAL', () => { container.mapDma(page, iova) })
      expectErrno('EINVAL', () => { container.mapDma(memory, 0xfee0_0000n - PAGE) })
      const ranges = containerIovaRanges(container)
      for (const { start, last } of ranges) {
        container.mapDma(page, start)
        container.mapDma(page, last + 1n - PAGE)
      }
      equal(container.unmapDma(0n, 0n, VFIO_DMA_UNMAP_FLAG_ALL), BigInt(2 * ranges.length) * PAGE, 'bytes at the edges')
    },
  }),
  defineCase({
    name: 'memory',
    title: 'memory that cannot be pinned as asked is EFAULT, and nothing of it stays pinned, mapped or counted',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      const free = dmaAvailable(container)
      const locked = lockedBytes()
      const readOnly = lab.use(Memory.readOnly(PAGE_SIZE))
      // The second page lies behind the end of the file: the first is pinned before that shows.
      const half = lab.use(Memory.ofFile(lab.use(memfd(PAGE_SIZE)), 2 * PAGE_SIZE))
      expectErrno('EFAULT', () => { container.mapDma(lab.use(Memory.inaccessible(PAGE_SIZE)), IOVA) })
      expectErrno('EFAULT', () => { container.mapDma(readOnly, IOVA) })
      expectErrno('EFAULT', () => { container.mapDma(half, IOVA) })
      equal(dmaAvailable(container), free, 'mappings left after the refusals')
      equal(lockedBytes(), locked, 'locked memory after the refusals')
      isEmpty(container)
      container.mapDma(readOnly, IOVA, VFIO_DMA_MAP_FLAG_READ)
    },
  }),
  defineCase({
    name: 'locked-memory',
    title: 'pinned memory counts against RLIMIT_MEMLOCK of who lacks CAP_IPC_LOCK, and is given back when it is unmapped',
    needs: { ...NEEDS, privilege: ['CAP_IPC_LOCK'] },
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: [TYPE1] },
    provokes: ['RLIMIT_MEMLOCK'],
    run: (lab) => {
      const { container } = attachGroup(lab)
      const { address } = lab.use(Memory.pages(8 * PAGE_SIZE))
      const map = (pages: number, iova: bigint) => { container.mapDma({ address, length: pages * PAGE_SIZE }, iova) }
      const before = lockedBytes()
      withoutCapability('CAP_IPC_LOCK', () => {
        withMemlockLimit(before + 4 * PAGE_SIZE, () => {
          expectErrno('ENOMEM', () => { map(5, IOVA) })
          equal(lockedBytes(), before, 'locked memory after the refusal')
          map(4, IOVA)
          equal(lockedBytes(), before + 4 * PAGE_SIZE, 'locked memory with four pages mapped')
          expectErrno('ENOMEM', () => { map(1, 2n * IOVA) })
          container.unmapDma(IOVA, 4 * PAGE_SIZE)
          map(1, 2n * IOVA)
        })
      })
      map(8, IOVA)
      equal(lockedBytes(), before + 9 * PAGE_SIZE, 'locked memory of who holds CAP_IPC_LOCK')
    },
  }),
  defineCase({
    name: 'iommufd-locked-memory',
    title: 'iommufd as /dev/vfio/vfio counts pinned memory against RLIMIT_MEMLOCK of the process as type1 does, and gives it back',
    needs: { access: 'group', iommu: 'present', config: ['IOMMUFD_VFIO_CONTAINER'], privilege: ['CAP_IPC_LOCK'] },
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_UNMAP_DMA'], sources: ['drivers/iommu/iommufd/main.c', 'drivers/iommu/iommufd/pages.c'] },
    run: (lab) => {
      const { container } = openThroughGroup(lab, lab.device())
      const { address } = lab.use(Memory.pages(5 * PAGE_SIZE))
      const map = (pages: number) => { container.mapDma({ address, length: pages * PAGE_SIZE }, IOVA) }
      const before = lockedBytes()
      withoutCapability('CAP_IPC_LOCK', () => {
        withMemlockLimit(before + 4 * PAGE_SIZE, () => {
          expectErrno('ENOMEM', () => { map(5) })
          equal(lockedBytes(), before, 'locked memory after the refusal')
          map(4)
          equal(lockedBytes(), before + 4 * PAGE_SIZE, 'locked memory with four pages mapped')
          equal(container.unmapDma(IOVA, 4 * PAGE_SIZE), 4n * PAGE, 'bytes unmapped')
          equal(lockedBytes(), before, 'locked memory after they were unmapped')
        })
      })
      map(5)
      equal(lockedBytes(), before, 'locked memory of who holds CAP_IPC_LOCK')
    },
  }),
])
