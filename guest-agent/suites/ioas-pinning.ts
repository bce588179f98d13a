import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { withoutCapability } from '../sys/capability.ts'
import { lockedKb, pinnedKb } from '../sys/locked-memory.ts'
import { memfd } from '../sys/memfd.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { withMemlockLimit } from '../sys/rlimit.ts'
import { readText } from '../sys/text-file.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const NEEDS = { access: 'cdev' } as const
const SOURCES = ['drivers/iommu/iommufd/pages.c', 'drivers/iommu/iommufd/io_pagetable.c']
const PAGE = BigInt(PAGE_SIZE)
const KB = PAGE_SIZE / 1024

/** kB pinned more than when it was made. */
const pinCounter = (): (() => number) => {
  const before = pinnedKb()
  return () => pinnedKb() - before
}

const counted = defineCase({
  name: 'pages-counted',
  title: 'pages are pinned once while a device has them: mapped twice by copy, once; detached, not at all',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_COPY', 'IOMMU_IOAS_UNMAP', 'VFIO_DEVICE_DETACH_IOMMUFD_PT'], sources: SOURCES },
  run: (lab) => {
    const { iommu, ioas, device } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages(8 * PAGE_SIZE))
    const pinned = pinCounter()
    const iova = ioas.map(memory)
    equal(pinned(), 8 * KB, 'kB pinned by the mapping')
    const copy = ioas.copyFrom(ioas, { from: iova, length: 4n * PAGE })
    equal(pinned(), 8 * KB, 'kB pinned by the mapping and a copy of half of it')
    ioas.unmap(iova, memory.length)
    equal(pinned(), 4 * KB, 'kB pinned by the copy')
    const elsewhere = iommu.ioasAlloc()
    elsewhere.map(memory)
    equal(pinned(), 4 * KB, 'kB pinned: an IOAS without a device pins nothing')
    device.detach()
    equal(pinned(), 0, 'kB pinned while detached')
    device.attach(elsewhere.id)
    equal(pinned(), 8 * KB, 'kB pinned by the other IOAS')
    device.attach(ioas.id)
    equal(pinned(), 4 * KB, 'kB pinned after it was replaced')
    ioas.unmap(copy, 4n * PAGE)
    equal(pinned(), 0, 'kB pinned at the end')
  },
})

const unpinnable = defineCase({
  name: 'unpinnable-memory',
  title: 'memory that is not there, or may not be written, is EFAULT; the IOVA stays free and nothing pinned',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_MAP'], sources: SOURCES },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const [nowhere, constant, good] = [lab.use(Memory.inaccessible(4 * PAGE_SIZE)), lab.use(Memory.readOnly(2 * PAGE_SIZE)), lab.use(Memory.pages(PAGE_SIZE))]
    const pinned = pinCounter()
    const iova = 0x2000_0000n
    expectErrno('EFAULT', () => ioas.map(nowhere, { iova }))
    expectErrno('EFAULT', () => ioas.map(constant, { iova }))
    // A mapping that begins well and runs into a page that is not there.
    using file = memfd(2 * PAGE_SIZE)
    const tail = lab.use(Memory.ofFile(file, 3 * PAGE_SIZE))
    expectErrno('EFAULT', () => ioas.map(tail, { iova }))
    equal(pinned(), 0, 'kB pinned by the refused mappings')
    equal(ioas.map(good, { iova }), iova, 'IOVA that the refused mappings left free')
    // Reading is all that read-only memory can give.
    ioas.map(constant, { access: IOMMUFD.IOMMU_IOAS_MAP_READABLE })
    equal(ioas.unmapAll(), 3n * PAGE, 'bytes mapped')
  },
})

const attach = defineCase({
  name: 'unpinnable-ioas-refused',
  title: 'an IOAS with a mapping that cannot be pinned refuses the device and unpins the mappings before it',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/iommu/iommufd/device.c'] },
  run: (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const good = lab.use(Memory.pages(4 * PAGE_SIZE))
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    ioas.map(good, { iova: 0x1_0000n })
    ioas.map(nowhere, { iova: 0x8_0000n })
    ioas.map(good, { iova: 0x10_0000n })
    const pinned = pinCounter()
    const { ranges, alignment } = ioas.ranges()
    expectErrno('EFAULT', () => cdev.attach(ioas.id))
    equal(pinned(), 0, 'kB pinned after the refused attach')
    equal([...ioas.ranges().ranges], [...ranges], 'ranges after the refused attach')
    equal(ioas.ranges().alignment, alignment, 'alignment after the refused attach')
    ioas.unmap(0x8_0000n, PAGE)
    cdev.attach(ioas.id)
    equal(pinned(), 8 * KB, 'kB pinned by the two mappings')
    cdev.detach()
    equal(ioas.unmapAll(), 8n * PAGE, 'bytes mapped')
  },
})

const LIMIT_PAGES = 16

/** Runs as somebody who may lock only so much. */
const limited = (run: () => void): void => {
  withoutCapability('CAP_IPC_LOCK', () => { withMemlockLimit(LIMIT_PAGES * PAGE_SIZE, run) })
}

const limit = defineCase({
  name: 'memlock-limit',
  title: 'who lacks CAP_IPC_LOCK pins up to RLIMIT_MEMLOCK and not a page more; unmapping gives it back',
  needs: { ...NEEDS, privilege: ['CAP_IPC_LOCK'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: SOURCES },
  run: (lab) => {
    const { ioas } = openThroughCdev(lab, lab.device())
    const memory = lab.use(Memory.pages((LIMIT_PAGES + 1) * PAGE_SIZE))
    const pinned = pinCounter()
    const part = (pages: number) => ioas.map({ address: memory.address, length: pages * PAGE_SIZE })
    limited(() => {
      expectErrno('ENOMEM', () => part(LIMIT_PAGES + 1))
      equal(pinned(), 0, 'kB pinned by the refused mapping')
      for (let round = 0; round < 3; round += 1) {
        const first = part(LIMIT_PAGES - 4)
        expectErrno('ENOMEM', () => part(5))
        part(4)
        equal(pinned(), LIMIT_PAGES * KB, 'kB pinned at the limit')
        ioas.unmap(first, (LIMIT_PAGES - 4) * PAGE_SIZE)
        ioas.unmapAll()
      }
    })
    // The holder of the capability is not limited.
    withMemlockLimit(PAGE_SIZE, () => part(LIMIT_PAGES))
    equal(ioas.unmapAll(), BigInt(LIMIT_PAGES) * PAGE, 'bytes mapped with the capability')
  },
})

const inContextMode = (lab: CaseContext, mode: bigint) => {
  const iommu = lab.use(IommuFd.open())
  iommu.setOption(IOMMUFD.IOMMU_OPTION_RLIMIT_MODE, mode)
  const { cdev } = bindCdev(lab, lab.device(), iommu)
  const ioas = iommu.ioasAlloc()
  cdev.attach(ioas.id)
  return ioas
}

const mode = defineCase({
  name: 'memlock-by-process',
  title: 'in the process mode of the rlimit pinned pages count as locked memory of the process, under the same limit',
  needs: { ...NEEDS, privilege: ['CAP_IPC_LOCK', 'CAP_SYS_RESOURCE'] },
  covers: { ioctls: ['IOMMU_OPTION', 'IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: SOURCES },
  run: (lab) => {
    const ioas = inContextMode(lab, 1n)
    const memory = lab.use(Memory.pages((LIMIT_PAGES + 1) * PAGE_SIZE))
    const before = lockedKb()
    const pinned = pinCounter()
    limited(() => {
      expectErrno('ENOMEM', () => ioas.map(memory))
      const iova = ioas.map({ address: memory.address, length: 4 * PAGE_SIZE })
      equal(lockedKb() - before, 4 * KB, 'kB locked')
      equal(pinned(), 4 * KB, 'kB pinned')
      ioas.unmap(iova, 4 * PAGE_SIZE)
    })
    equal(lockedKb(), before, 'kB locked at the end')
    equal(pinned(), 0, 'kB pinned at the end')
  },
})

/** Memory of the kernel's page tables for IOMMUs and guests, kB (SecPageTables of /proc/meminfo). */
const tableKb = (): number => Number(/^SecPageTables:\s+(\d+) kB$/m.exec(readText('/proc/meminfo') ?? '')?.[1] ?? 0)

const tables = defineCase({
  name: 'page-tables-freed',
  title: 'page tables are counted while something is mapped, and mapping and unmapping far apart again and again does not make them grow',
  // virtio's tables are the host's.
  needs: { ...NEEDS, iommu: ['!virtio'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: [...SOURCES, 'drivers/iommu/iommufd/hwpt_noiommu.c'] },
  run: (lab) => {
    const [ROUNDS, PLACES] = [6, 16]
    const { iommu, ioas } = openThroughCdev(lab, lab.device())
    // One page an entry, so that every mapping fills a table of its own and its unmapping empties it.
    iommu.setOption(IOMMUFD.IOMMU_OPTION_HUGE_PAGES, 0n, ioas.id)
    const memory = lab.use(Memory.pages(HUGE_PAGE_SIZE))
    // Within 39 bits, and with no table in common but the top ones.
    const places = Array.from({ length: PLACES }, (_, index) => BigInt(index + 1) << 32n)
    const mapAll = () => { for (const iova of places) ioas.map(memory, { iova }) }
    const empty = tableKb()
    mapAll()
    const full = tableKb() - empty
    // Counted in batches of each CPU's own: no exact figure is to be had.
    ok(full >= PLACES * KB / 2, `${PLACES} mappings of 2 MiB each show as ${full} kB of page tables only`)
    ioas.unmapAll()
    const before = tableKb()
    for (let round = 0; round < ROUNDS; round += 1) {
      mapAll()
      ioas.unmapAll()
    }
    const grown = tableKb() - before
    ok(grown < ROUNDS * PLACES * KB / 2, `the page tables grew by ${grown} kB in ${ROUNDS} rounds of mapping and unmapping 2 MiB in the same ${PLACES} places`)
  },
})

export const ioasPinning = suite('ioas-pinning', [counted, unpinnable, attach, limit, mode, tables])
