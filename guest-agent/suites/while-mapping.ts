import fs from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { mapFileRequest } from '../iommufd/ioas.ts'
import { memfd } from '../sys/memfd.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { iommufdStructs as s } from '../uapi/iommufd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { Container } from '../vfio/container.ts'
import { openThroughCdev, type OpenCdev } from '../vfio/open-device.ts'

const NEEDS = { access: 'cdev', config: ['MEMFD_CREATE'], uapi: ['IOMMU_IOAS_MAP_FILE'] } as const
const SOURCES = ['drivers/iommu/iommufd/io_pagetable.c']
const IOVA = 0x4000_0000n
/**
 * Of the file. The kernel makes and clears every page of it: with the last, that is long enough for one processor to turn to somebody else meanwhile.
 * With the first it is long enough where every page is a message to a device outside the guest; the last would take minutes there.
 */
const SIZES = [8, 32, 128].map((mebibytes) => mebibytes * 1024 * 1024)

/** While another process maps a file that has no page yet, again and again, until `ask` is told EBUSY, as it must be. The bytes that are mapped then. */
const toldWhileMapped = async (lab: CaseContext, { iommu, ioas }: OpenCdev, ask: () => unknown, what: string): Promise<number> => {
  const file = lab.use(memfd(0))
  const other = lab.use(new OtherProcess([iommu.fd, file]))
  for (let round = 0; !lab.signal.aborted; round++) {
    const bytes = SIZES[Math.min(round, SIZES.length - 1)] ?? 0
    fs.ftruncateSync(file.number, bytes)
    const request = mapFileRequest(ioas.id, other.fd(1), { length: BigInt(bytes), iova: IOVA })
    other.sendIoctl(other.fd(), 'IOMMU_IOAS_MAP_FILE', request)
    let told = false
    while (!told && !other.answered) told = outcomeOf(ask) === 'EBUSY'
    other.receiveIoctl('IOMMU_IOAS_MAP_FILE', request)
    if (told) return bytes
    ioas.unmapAll()
    fs.ftruncateSync(file.number, 0)
    await setImmediate()
  }
  throw new Failed(`${what} must be EBUSY`)
}

const unmap = defineCase({
  name: 'unmap',
  title: 'what another process is still mapping is not unmapped: EBUSY; once it is mapped it is',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_IOAS_UNMAP', 'IOMMU_IOAS_MAP_FILE'], sources: SOURCES },
  run: async (lab) => {
    const open = openThroughCdev(lab, lab.device())
    // From the first page on, to the last of the longest: it covers the whole area, whatever its size.
    const unmapArea = () => open.ioas.unmap(IOVA, Math.max(...SIZES))
    const bytes = await toldWhileMapped(lab, open, unmapArea, 'unmapping what is being mapped')
    ok(unmapArea() === BigInt(bytes), 'all of it must be mapped in the end')
  },
})

const cut = defineCase({
  name: 'cut',
  title: 'nothing is cut out of what another process is still mapping, as type1 of the first version does: EBUSY; once it is mapped it is',
  needs: NEEDS,
  covers: { ioctls: ['VFIO_IOMMU_UNMAP_DMA', 'IOMMU_IOAS_MAP_FILE'], sources: ['drivers/iommu/iommufd/vfio_compat.c', ...SOURCES] },
  run: async (lab) => {
    const open = openThroughCdev(lab, lab.device())
    open.iommu.setVfioIoas(open.ioas.id)
    const container = new Container(open.iommu.fd)
    container.setIommu(VFIO.VFIO_TYPE1_IOMMU)
    const cutPage = () => container.unmapDma(IOVA + BigInt(PAGE_SIZE), PAGE_SIZE)
    const bytes = await toldWhileMapped(lab, open, cutPage, 'cutting a page out of what is being mapped')
    ok(cutPage() === BigInt(PAGE_SIZE), 'a page must be cut out in the end')
    ok(open.ioas.unmapAll() === BigInt(bytes - PAGE_SIZE), 'the others must be mapped in the end')
  },
})

const changeProcess = defineCase({
  name: 'change-process',
  title: 'nobody takes over what another process is still mapping: EBUSY, and the mapping is as if nobody had asked',
  needs: { ...NEEDS, uapi: [...NEEDS.uapi, 'IOMMU_IOAS_CHANGE_PROCESS'] },
  covers: { ioctls: ['IOMMU_IOAS_CHANGE_PROCESS', 'IOMMU_IOAS_MAP_FILE'], sources: ['drivers/iommu/iommufd/ioas.c', ...SOURCES] },
  run: async (lab) => {
    const open = openThroughCdev(lab, lab.device())
    const takeOver = () => { open.iommu.ioctl('IOMMU_IOAS_CHANGE_PROCESS', s.ioasChangeProcess.make()) }
    const bytes = await toldWhileMapped(lab, open, takeOver, 'taking over what is being mapped')
    ok(open.ioas.unmapAll() === BigInt(bytes), 'all of it must be mapped in the end')
  },
})

export const whileMapping = suite('while-mapping', [unmap, cut, changeProcess])
