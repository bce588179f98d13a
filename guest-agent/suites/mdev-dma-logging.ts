import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { rangeBytes, reportLogging, startLogging, startLoggingAt, stopLogging, type LoggedRange } from '../mdev/dma-logging.ts'
import { ANY_DOOR, openNewMdev } from '../mdev/open-mdev.ts'
import { ioctl } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE, addressOf } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const {
  VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET, VFIO_DEVICE_FEATURE_PROBE: PROBE, VFIO_DEVICE_FEATURE_DMA_LOGGING_START: START,
  VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP: STOP, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT: REPORT,
} = VFIO
const NEEDS = { config: ['SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] }
/** The bitmap of a report is there only with this symbol, which IOMMU drivers select. */
const REPORTS = { config: [...NEEDS.config, 'IOMMUFD_DRIVER'] }
const FEATURE = ['VFIO_DEVICE_FEATURE']
const MAIN = ['drivers/vfio/vfio_main.c']
const BITMAP = [...MAIN, 'drivers/iommu/iommufd/iova_bitmap.c']
const PAGE = BigInt(PAGE_SIZE)
const IOVA = 0x10_0000n
const MEMORY = { iova: IOVA, length: 64n * PAGE }
/** As many ranges as fit into a page (LOG_MAX_RANGES). */
const MOST_RANGES = PAGE_SIZE / vfioStructs.featureDmaLoggingRange.size

const mtty = (lab: CaseContext): VfioDevice => openNewMdev(lab, 'mtty', '1')

const ranges = (count: number): readonly LoggedRange[] =>
  Array.from({ length: count }, (_, index) => ({ iova: IOVA + 2n * PAGE * BigInt(index), length: PAGE }))

const logging = defineCase({
  name: 'logging',
  title: 'logging is started for ranges, reported and stopped, time and again; a device that writes nothing reports nothing, and clears nothing of the bitmap',
  needs: REPORTS,
  covers: { ioctls: FEATURE, sources: BITMAP },
  run: (lab) => {
    const device = mtty(lab)
    const bitmap = new BigUint64Array(2)
    for (let round = 0; round < 3; round += 1) {
      equal(startLogging(device, [MEMORY]), PAGE, 'page size that was chosen')
      bitmap.set([0n, 0x5555n])
      reportLogging(device, { ...MEMORY, bitmap: addressOf(new Uint8Array(bitmap.buffer)) })
      equal([...bitmap], [0n, 0x5555n], 'bitmap of a device that wrote nothing')
      bitmap.fill(0xffff_ffff_ffff_ffffn)
      reportLogging(device, { ...MEMORY, bitmap: addressOf(new Uint8Array(bitmap.buffer)) })
      equal([...bitmap], [0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn], 'bitmap that had bits before')
      stopLogging(device)
    }
  },
})

const many = defineCase({
  name: 'ranges',
  title: 'ranges come in any order and up to as many as fit into a page; none is EINVAL, more are E2BIG',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    const started = (list: readonly LoggedRange[], pageSize?: bigint): void => {
      startLogging(device, list, pageSize)
      stopLogging(device)
    }
    started(ranges(1))
    started(ranges(MOST_RANGES))
    started(ranges(8).toReversed())
    // Next to each other is no overlap.
    started([{ iova: IOVA, length: PAGE }, { iova: IOVA + PAGE, length: PAGE }, { iova: IOVA - PAGE, length: PAGE }])
    started([{ iova: 0n, length: 1n << 62n }], 1n << 21n)
    started([{ iova: -(1n << 30n) & 0xffff_ffff_ffff_ffffn, length: (1n << 30n) - PAGE }])
    expectErrno('EINVAL', () => startLogging(device, []))
    expectErrno('E2BIG', () => startLogging(device, ranges(MOST_RANGES + 1)))
    const { address } = lab.use(Memory.pages(PAGE_SIZE))
    for (const count of [MOST_RANGES + 1, 0x7fff_ffff, 0xffff_ffff]) expectErrno('E2BIG', () => startLoggingAt(device, { ranges: address, count, pageSize: PAGE }))
  },
})

const drivers = defineCase({
  name: 'left-to-the-driver',
  title: 'a second start, and a report or a stop without one, are answered or refused by the driver; logging starts and stops afterwards',
  needs: REPORTS,
  covers: { ioctls: FEATURE, sources: BITMAP },
  run: (lab) => {
    const device = mtty(lab)
    const bitmap = lab.use(Memory.pages(PAGE_SIZE)).address
    // linux/vfio.h wants them refused. VFIO leaves that to the driver, and mtty of Linux 7.3 keeps no book.
    const either = (run: () => void): void => {
      const outcome = outcomeOf(run)
      ok(['ok', 'EINVAL', 'EBUSY'].includes(outcome), `it was answered with ${outcome}`)
    }
    either(() => { reportLogging(device, { ...MEMORY, bitmap }) })
    either(() => { stopLogging(device) })
    startLogging(device, [MEMORY])
    either(() => { startLogging(device, [MEMORY]) })
    stopLogging(device)
    startLogging(device, [MEMORY])
    stopLogging(device)
  },
})

const noBytes = defineCase({
  name: 'range-of-no-bytes',
  title: 'a range of no bytes is no range: EINVAL, alone, among others and at address 0',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    for (const iova of [IOVA, 0n]) {
      expectErrno('EINVAL', () => startLogging(device, [{ iova, length: 0n }]))
      expectErrno('EINVAL', () => startLogging(device, [...ranges(2), { iova, length: 0n }]))
    }
    startLogging(device, [MEMORY])
    stopLogging(device)
  },
})

const pageSizes = defineCase({
  name: 'page-size',
  title: 'a size that no page has is refused (EINVAL) or answered with one that a page has',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    for (const pageSize of [0n, 3n, 0x1800n, 3n << 40n]) {
      let chosen = 0n
      const outcome = outcomeOf(() => { chosen = startLogging(device, [{ iova: 0n, length: 3n << 41n }], pageSize) })
      if (outcome === 'ok') stopLogging(device)
      else equal(outcome, 'EINVAL', `page size 0x${pageSize.toString(16)}`)
      ok(outcome !== 'ok' || (chosen !== 0n && (chosen & (chosen - 1n)) === 0n), `a page size of 0x${chosen.toString(16)} was chosen for 0x${pageSize.toString(16)}`)
    }
  },
})

const startRefusals = defineCase({
  name: 'start-refusals',
  title: 'ranges that overlap, are not aligned to the page size (EINVAL), wrap (EOVERFLOW) or cannot be read (EFAULT) are refused',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    const refused = (code: string, list: readonly LoggedRange[], pageSize?: bigint) => expectErrno(code, () => startLogging(device, list, pageSize))
    const big = { iova: IOVA, length: 8n * PAGE }
    const overlaps = [big, { iova: IOVA, length: PAGE }, { iova: IOVA + 7n * PAGE, length: PAGE }, { iova: IOVA - PAGE, length: 2n * PAGE }, { iova: 0n, length: 1n << 40n }]
    for (const other of overlaps) {
      refused('EINVAL', [big, other])
      refused('EINVAL', [other, { iova: 1n << 50n, length: PAGE }, big])
    }
    for (const change of [{ iova: IOVA + 1n }, { iova: IOVA + PAGE / 2n }, { length: PAGE - 1n }, { length: 1n }]) refused('EINVAL', [{ ...big, ...change }])
    refused('EINVAL', [big], 1n << 21n)
    refused('EINVAL', [...ranges(3), { iova: IOVA + 1n, length: PAGE }])
    const top = -PAGE & 0xffff_ffff_ffff_ffffn
    refused('EOVERFLOW', [{ iova: top, length: PAGE }])
    refused('EOVERFLOW', [{ iova: top, length: 2n * PAGE }])
    refused('EOVERFLOW', [{ iova: 2n * PAGE, length: top }])
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    expectErrno('EFAULT', () => startLoggingAt(device, { ranges: nowhere.address, count: 1, pageSize: PAGE }))
    expectErrno('EFAULT', () => startLoggingAt(device, { ranges: 0n, count: 1, pageSize: PAGE }))
    // The second range lies where nothing is.
    const edge = lab.use(Memory.lastPage())
    const { size } = vfioStructs.featureDmaLoggingRange
    edge.bytes.set(rangeBytes(ranges(1)), PAGE_SIZE - size)
    expectErrno('EFAULT', () => startLoggingAt(device, { ranges: edge.address + BigInt(PAGE_SIZE - size), count: 2, pageSize: PAGE }))
    // What was refused has started nothing that is in the way.
    startLogging(device, [big])
    stopLogging(device)
  },
})

const reportRefusals = defineCase({
  name: 'report-refusals',
  title: 'a report in pages of less than 4 KiB or of no power of two is EINVAL, of a range that wraps EOVERFLOW; larger pages are fine',
  needs: REPORTS,
  covers: { ioctls: FEATURE, sources: BITMAP },
  run: (lab) => {
    const device = mtty(lab)
    const bitmap = lab.use(Memory.pages(PAGE_SIZE)).address
    startLogging(device, [MEMORY])
    for (const pageSize of [0n, 1n, 512n, 2048n, PAGE - 1n, PAGE + 1n, 3n * PAGE, 0xffff_ffff_ffff_ffffn]) {
      expectErrno('EINVAL', () => { reportLogging(device, { ...MEMORY, pageSize, bitmap }) })
    }
    const top = -PAGE & 0xffff_ffff_ffff_ffffn
    for (const range of [{ iova: top, length: PAGE }, { iova: top, length: 2n * PAGE }, { iova: PAGE, length: 0xffff_ffff_ffff_ffffn }]) {
      expectErrno('EOVERFLOW', () => { reportLogging(device, { ...range, bitmap }) })
    }
    for (const pageSize of [PAGE, 2n * PAGE, 1n << 21n, 1n << 30n]) reportLogging(device, { ...MEMORY, pageSize, bitmap })
    // A part of what is logged, and a range that ends within a word of the bitmap.
    reportLogging(device, { iova: IOVA + 3n * PAGE, length: 5n * PAGE, bitmap })
    stopLogging(device)
  },
})

const rules = defineCase({
  name: 'struct-rules',
  title: 'each feature of logging is probed and refused where it is asked to do what it does not or has no room (EINVAL)',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    const room = new Uint8Array(32)
    for (const [feature, can, cannot, bytes] of [[START, SET, GET, 24], [STOP, SET, GET, 0], [REPORT, GET, SET, 32]] as const) {
      device.feature(PROBE | feature)
      device.feature(PROBE | can | feature)
      for (const wrong of [0, cannot, PROBE | cannot, PROBE | GET | SET, GET | SET]) expectErrno('EINVAL', () => device.feature(wrong | feature, room))
      for (const short of [0, 8, bytes - 1].filter((each) => each >= 0 && each < bytes)) expectErrno('EINVAL', () => device.feature(can | feature, new Uint8Array(short)))
    }
  },
})

const unanswered = defineCase({
  name: 'unanswered',
  title: 'a start whose answer cannot be written is EFAULT and is taken back: the next one starts',
  needs: { config: [...NEEDS.config, 'MEMFD_CREATE'] },
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = mtty(lab)
    const file = lab.use(memfd(PAGE_SIZE))
    const writable = lab.use(Memory.ofFile(file, PAGE_SIZE))
    const constant = lab.use(Memory.ofFile(file, PAGE_SIZE, { readOnly: true }))
    const list = rangeBytes([MEMORY])
    const control = vfioStructs.featureDmaLoggingControl.make({ page_size: PAGE, num_ranges: 1, ranges: addressOf(list) }).bytes
    writable.bytes.set(vfioStructs.deviceFeature.make({ flags: SET | START }, { tail: control }).bytes)
    for (let round = 0; round < 2; round += 1) expectErrno('EFAULT', () => ioctl(device.fd, 'VFIO_DEVICE_FEATURE', constant.address))
    startLogging(device, [MEMORY])
    stopLogging(device)
  },
})

const absent = defineCase({
  name: 'absent',
  title: 'samples that log no DMA have none of its features (ENOTTY)',
  needs: { config: ['SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MBOCHS', ANY_DOOR] },
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    for (const device of [openNewMdev(lab, 'mdpy', 'vga'), openNewMdev(lab, 'mbochs', 'small')]) {
      for (const feature of [START, STOP, REPORT]) for (const action of [GET, SET, PROBE]) expectErrno('ENOTTY', () => device.feature(action | feature, new Uint8Array(32)))
    }
  },
})

export const mdevDmaLogging = suite('mdev-dma-logging', [logging, many, drivers, noBytes, pageSizes, startRefusals, reportRefusals, rules, unanswered, absent])
