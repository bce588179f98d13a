import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, ok } from '../case/expect.ts'
import { PcieAtsTestdev } from '../devices/pcie-ats-testdev.ts'
import { until } from '../devices/until.ts'
import type { Fd } from '../sys/fd.ts'
import { checked } from '../sys/libc.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { Layout } from '../uapi/struct.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const { IOMMU_HWPT_FAULT_ID_VALID } = IOMMUFD
const NEEDS = { access: 'cdev', device: ['ats', 'page-requests'], uapi: ['IOMMU_FAULT_QUEUE_ALLOC'] } as const
const COVERS = {
  ioctls: ['IOMMU_FAULT_QUEUE_ALLOC', 'IOMMU_HWPT_ALLOC', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'],
  sources: ['drivers/iommu/iommufd/eventq.c', 'drivers/iommu/io-pgfault.c', 'drivers/iommu/intel/prq.c'],
}
/** <linux/iommufd.h>: struct iommu_hwpt_pgfault, its flags and permissions, struct iommu_hwpt_page_response and its codes. */
const pageFault = new Layout('iommu_hwpt_pgfault', {
  flags: 'u32', dev_id: 'u32', pasid: 'u32', grpid: 'u32', perm: 'u32', __reserved: 'u32', addr: 'u64', length: 'u32', cookie: 'u32',
})
const pageResponse = new Layout('iommu_hwpt_page_response', { cookie: 'u32', code: 'u32' })
const [LAST_PAGE, READ] = [1 << 1, 1 << 0]
const [SUCCESS, INVALID] = [0, 1]
const PATTERN_IOVA = 0x5000_0000n
const IOVA = 0x7000_0000n

/** The next request of the queue. */
const nextFault = (lab: CaseContext, queue: Fd) => until(lab, 'a page request arrives in the fault queue', () => {
  const bytes = new Uint8Array(new ArrayBuffer(pageFault.size))
  const length = checked(`read(${queue.what}, ${bytes.byteLength})`, (c) => c.read(queue.number, bytes, bytes.byteLength))
  return length === 0 ? undefined : pageFault.at(bytes)
})

const answer = (queue: Fd, cookie: number, code: number): void => {
  const { bytes } = pageResponse.make({ cookie, code })
  equal(checked(`write(${queue.what}, ${bytes.byteLength})`, (c) => c.write(queue.number, bytes, bytes.byteLength)), bytes.byteLength, 'bytes of the answer that were taken')
}

/** The device attached to a page table with a fault queue, its buffer zero, and a page of a pattern that is not mapped yet. */
const openFaulting = async (lab: CaseContext) => {
  const { iommu, ioas, device, deviceId, pci, dma } = openThroughCdev(lab, lab.device(['ats', 'page-requests']))
  const queue = iommu.faultQueueAlloc()
  lab.use(queue.fd)
  const hwpt = iommu.hwptAlloc({ deviceId, ptId: ioas.id, flags: IOMMU_HWPT_FAULT_ID_VALID, faultId: queue.id })
  device.attach(hwpt)
  const testdev = new PcieAtsTestdev(lab, { pci, device, dma })
  const zeroes = lab.use(Memory.pages(PAGE_SIZE))
  dma.map(zeroes, { iova: PATTERN_IOVA })
  await testdev.fromMemory(PATTERN_IOVA)
  const page = lab.use(Memory.pages(PAGE_SIZE))
  page.words.set(page.words.map((_, index) => 0x9e37_79b1 * (index + 1)))
  return { testdev, queue: queue.fd, deviceId, dma, zeroes, page }
}

/** What the request says of itself: who, where, for what. */
const isOurs = (fault: Awaited<ReturnType<typeof nextFault>>, deviceId: number): void => {
  equal(fault.get('dev_id'), deviceId, 'device of the page request')
  equal(fault.get('addr'), IOVA, 'address of the page request')
  equal(fault.get('perm') & READ, READ, 'permission to read, of what the page request asks for')
  equal(fault.get('flags') & LAST_PAGE, LAST_PAGE, 'last page of its group')
}

/** The device has asked for the page, and waits. */
const request = async (lab: CaseContext) => {
  const open = await openFaulting(lab)
  const transfer = open.testdev.fromMemory(IOVA)
  const fault = await nextFault(lab, open.queue)
  isOurs(fault, open.deviceId)
  return { ...open, transfer, cookie: fault.get('cookie') }
}

const served = defineCase({
  name: 'served',
  title: 'a page that a device asks for arrives in the fault queue; mapped and answered, the DMA goes through',
  needs: NEEDS,
  covers: COVERS,
  run: async (lab) => {
    const { testdev, queue, dma, zeroes, page, transfer, cookie } = await request(lab)
    dma.map(page, { iova: IOVA })
    answer(queue, cookie, SUCCESS)
    ok(await transfer !== false, 'the device gave up although its page request was answered')
    await testdev.toMemory(PATTERN_IOVA)
    ok(zeroes.bytes.every((byte, index) => byte === page.bytes[index]), 'the device must have read the page that was mapped for it')
  },
})

const refused = defineCase({
  name: 'refused',
  title: 'a page request that is answered as invalid ends the DMA, and nothing was read',
  needs: NEEDS,
  covers: COVERS,
  run: async (lab) => {
    const { testdev, queue, zeroes, transfer, cookie } = await request(lab)
    answer(queue, cookie, INVALID)
    ok(await transfer !== true, 'the device says that it read a page that is nowhere')
    await testdev.toMemory(PATTERN_IOVA)
    ok(zeroes.bytes.every((byte) => byte === 0), 'what the device holds must be what it held before')
  },
})

export const pageRequests = suite('page-requests', [served, refused])
