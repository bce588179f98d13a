import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { Fd } from '../sys/fd.ts'
import { checked } from '../sys/libc.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const SOURCES = ['drivers/iommu/iommufd/eventq.c']
const NEEDS = { config: ['IOMMUFD'], uapi: ['IOMMU_FAULT_QUEUE_ALLOC'] }
/** sizeof struct iommu_hwpt_pgfault, sizeof struct iommu_hwpt_page_response */
const FAULT = 40
const RESPONSE = 8

const buffer = (length: number): Uint8Array => new Uint8Array(new ArrayBuffer(length))
const read = (fd: Fd, length: number): number => checked(`read(${fd.what}, ${length})`, (c) => c.read(fd.number, buffer(length), length))
const write = (fd: Fd, bytes: Uint8Array): number => checked(`write(${fd.what}, ${bytes.length})`, (c) => c.write(fd.number, bytes, bytes.length))

const life = defineCase({
  name: 'object-and-descriptor',
  title: 'the object is busy while its descriptor is open, and the descriptor outlives the context\'s own',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_FAULT_QUEUE_ALLOC', 'IOMMU_DESTROY'], sources: [...SOURCES, 'drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    expectErrno('EOPNOTSUPP', () => iommu.faultQueueAlloc(1))
    const queue = iommu.faultQueueAlloc()
    lab.use(queue.fd)
    expectErrno('EBUSY', () => { iommu.destroy(queue.id) })
    queue.fd.close()
    iommu.destroy(queue.id)
    expectErrno('ENOENT', () => { iommu.destroy(queue.id) })
    const later = iommu.faultQueueAlloc()
    lab.use(later.fd)
    iommu.close()
    equal(read(later.fd, FAULT), 0, 'bytes of an empty queue after /dev/iommu was closed')
  },
})

const io = defineCase({
  name: 'read-and-write',
  title: 'an empty queue reads as nothing; odd lengths and answers to no fault are refused',
  needs: NEEDS,
  covers: { ioctls: ['IOMMU_FAULT_QUEUE_ALLOC'], sources: SOURCES },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const { fd } = iommu.faultQueueAlloc()
    lab.use(fd)
    equal(read(fd, 4 * FAULT), 0, 'bytes of an empty queue')
    for (const length of [1, FAULT - 1, FAULT + 1]) expectErrno('ESPIPE', () => read(fd, length))
    for (const length of [1, RESPONSE - 1, RESPONSE + 1]) expectErrno('ESPIPE', () => write(fd, buffer(length)))
    const answer = (cookie: number, code: number) => new Uint8Array(new Uint32Array([cookie, code]).buffer)
    // Cookie 1 is the first that a fault would get; there is none.
    for (const [cookie, code] of [[0, 0], [1, 0], [1, 1], [1, 7], [0xffff_ffff, 0]] as const) {
      expectErrno('EINVAL', () => write(fd, answer(cookie, code)))
    }
    equal(write(fd, buffer(0)), 0, 'bytes of no answer')
  },
})

const withPageTable = defineCase({
  name: 'page-table-holds-queue',
  title: 'a page table made for a fault queue keeps the queue busy; a device that cannot fault may not use it',
  needs: { ...NEEDS, access: 'cdev', iommu: ['intel'] },
  covers: { ioctls: ['IOMMU_FAULT_QUEUE_ALLOC', 'IOMMU_HWPT_ALLOC', 'IOMMU_DESTROY', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT'], sources: [...SOURCES, 'drivers/iommu/iommufd/hw_pagetable.c'] },
  run: (lab) => {
    const { iommu, ioas, deviceId, device } = openThroughCdev(lab, lab.device())
    const queue = iommu.faultQueueAlloc()
    lab.use(queue.fd)
    device.detach()
    const alloc = (faultId: number) => iommu.hwptAlloc({ deviceId, ptId: ioas.id, flags: IOMMUFD.IOMMU_HWPT_FAULT_ID_VALID, faultId })
    expectErrno('ENOENT', () => alloc(queue.id + 100))
    expectErrno('ENOENT', () => alloc(ioas.id))
    const hwpt = alloc(queue.id)
    expectErrno('ENODEV', () => device.attach(hwpt))
    queue.fd.close()
    expectErrno('EBUSY', () => { iommu.destroy(queue.id) })
    iommu.destroy(hwpt)
    iommu.destroy(queue.id)
    // The refused page tables must hold nothing either.
    ioas.destroy()
  },
})

export const faultQueue = suite('fault-queue', [life, io, withPageTable])
