import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { IovaRange } from '../iommufd/ioas.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { readText, writeText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { attachGroup, compatPath } from '../vfio/attached-group.ts'
import type { Container } from '../vfio/container.ts'
import { openThroughGroup } from '../vfio/open-device.ts'
import { containerIovaRanges, dmaAvailable } from '../vfio/type1-info.ts'

const {
  VFIO_IOMMU_INFO_PGSIZES, VFIO_IOMMU_INFO_CAPS, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
} = VFIO
const TYPE1 = 'drivers/vfio/vfio_iommu_type1.c'
const COMPAT = 'drivers/iommu/iommufd/vfio_compat.c'

/** Where x86 devices write their MSIs: never memory. */
const MSI: IovaRange = { start: 0xfee0_0000n, last: 0xfeef_ffffn }

/** struct vfio_iommu_type1_info up to its first version's last field. */
const OLD_SIZE = 16

/** A short argsz is refused, the old struct is answered without capabilities, too little room tells how much it takes. */
const followsArgsz = (container: Container): void => {
  const ask = (argsz: number) => {
    const answer = vfioStructs.iommuType1Info.make({ argsz }, { tail: 512 })
    answer.bytes.fill(0xa5, OLD_SIZE)
    container.ioctl('VFIO_IOMMU_GET_INFO', answer)
    return answer
  }
  for (const argsz of [0, 8, OLD_SIZE - 1]) expectErrno('EINVAL', () => ask(argsz))
  const old = ask(OLD_SIZE)
  equal(old.get('flags'), VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, 'flags for the old struct')
  ok(old.bytes.subarray(OLD_SIZE).every((byte) => byte === 0xa5), 'nothing may be written behind the old struct')
  const short = ask(vfioStructs.iommuType1Info.size)
  const whole = short.get('argsz')
  equal(old.get('argsz'), whole, 'argsz for the old struct')
  equal(short.get('cap_offset'), 0, 'cap_offset without room for capabilities')
  ok(whole > vfioStructs.iommuType1Info.size, `argsz must tell the room for capabilities, it is ${whole}`)
  equal(ask(whole - 1).get('cap_offset'), 0, 'cap_offset with a byte too little')
  const full = ask(whole)
  equal(full.get('argsz'), whole, 'argsz with just enough room')
  equal(full.get('cap_offset'), vfioStructs.iommuType1Info.size, 'cap_offset with just enough room')
  ok(full.bytes.subarray(whole).every((byte) => byte === 0xa5), 'nothing may be written behind argsz')
}

const ENTRY_LIMIT = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'

const withEntryLimit = <T>(limit: number, run: () => T): T => {
  const before = readText(ENTRY_LIMIT) ?? ''
  writeText(ENTRY_LIMIT, limit.toString())
  try {
    return run()
  } finally {
    writeText(ENTRY_LIMIT, before)
  }
}

/** In order, apart, and without the window of MSIs. */
const rangesAreUsable = (ranges: readonly IovaRange[]): void => {
  ok(ranges.length > 0, 'there must be an IOVA range')
  ranges.forEach(({ start, last }, index) => {
    ok(start < last, `IOVA range ${index} is empty`)
    ok(index === 0 || start > (ranges[index - 1]?.last ?? 0n), `IOVA range ${index} does not lie behind the one before`)
    ok(last < MSI.start || start > MSI.last, `IOVA range 0x${start.toString(16)} to 0x${last.toString(16)} holds the window of MSIs`)
  })
}

export const containerType1Info = suite('container-type1-info', [
  defineCase({
    name: 'type1',
    title: 'VFIO_IOMMU_GET_INFO follows argsz and tells page sizes, usable IOVAs, migration and how many mappings are left',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] },
    covers: { ioctls: ['VFIO_IOMMU_GET_INFO', 'VFIO_IOMMU_MAP_DMA'], sources: [TYPE1, 'drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      const { container } = attachGroup(lab)
      followsArgsz(container)
      const { pageSizes, capabilities } = container.info()
      ok((pageSizes & BigInt(PAGE_SIZE)) !== 0n, `4 KiB must be a page size: 0x${pageSizes.toString(16)}`)
      equal(pageSizes & BigInt(PAGE_SIZE - 1), 0n, 'page sizes below the page')
      equal(capabilities.map(({ id, version }) => `${id}.${version}`).sort(), [
        `${VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE}.1`, `${VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION}.1`, `${VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL}.1`,
      ], 'capabilities')
      rangesAreUsable(containerIovaRanges(container))
      const free = dmaAvailable(container)
      container.mapDma(lab.use(Memory.pages(PAGE_SIZE)), 0x10_0000n)
      equal(dmaAvailable(container), free - 1, 'mappings left after one was made')
      container.unmapDma(0x10_0000n, PAGE_SIZE)
      equal(dmaAvailable(container), free, 'mappings left after it was unmapped')
    },
  }),
  defineCase({
    name: 'iommufd',
    title: 'VFIO_IOMMU_GET_INFO of iommufd follows argsz and tells page sizes, usable IOVAs and that mappings are not counted',
    needs: { access: 'group', iommu: 'present', config: ['IOMMUFD'] },
    covers: { ioctls: ['VFIO_IOMMU_GET_INFO'], sources: [COMPAT, 'drivers/iommu/iommufd/io_pagetable.c'] },
    run: (lab) => {
      const { container } = openThroughGroup(lab, lab.device(), { container: compatPath(lab) })
      followsArgsz(container)
      const { pageSizes, capabilities } = container.info()
      ok((pageSizes & BigInt(PAGE_SIZE)) !== 0n, `4 KiB must be a page size: 0x${pageSizes.toString(16)}`)
      equal(capabilities.map(({ id, version }) => `${id}.${version}`).sort(), [
        `${VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE}.1`, `${VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL}.1`,
      ], 'capabilities')
      rangesAreUsable(containerIovaRanges(container))
      equal(dmaAvailable(container), 0xffff_ffff, 'mappings left')
    },
  }),
  defineCase({
    name: 'entry-limit',
    title: 'a container takes as many mappings as the module parameter said when its IOMMU was set, then ENOSPC',
    needs: { access: 'group', iommu: 'present', config: ['VFIO_IOMMU_TYPE1'] },
    covers: { ioctls: ['VFIO_IOMMU_MAP_DMA', 'VFIO_IOMMU_GET_INFO'], sources: [TYPE1] },
    run: (lab) => {
      const { container } = withEntryLimit(2, () => attachGroup(lab))
      equal(dmaAvailable(container), 2, 'mappings left at first')
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      container.mapDma(memory, 0x10_0000n)
      container.mapDma(memory, 0x20_0000n)
      expectErrno('ENOSPC', () => { container.mapDma(memory, 0x30_0000n) })
      container.unmapDma(0x10_0000n, PAGE_SIZE)
      container.mapDma(memory, 0x30_0000n)
    },
  }),
])
