import { setTimeout } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { IOMMU_FAULTS } from '../devices/iommu-faults.ts'
import { dmaReader } from '../devices/drive.ts'
import { mapRequest } from '../iommufd/ioas.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { OtherProcess } from '../sys/other-process.ts'
import { IOMMUFD, iommufdStructs as s } from '../uapi/iommufd.ts'
import type { IoctlName } from '../uapi/ioctls.ts'
import type { Fields, Struct } from '../uapi/struct.ts'
import { vfioStructs } from '../uapi/vfio.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'
import { openThroughCdev } from '../vfio/open-device.ts'

const PAGE = BigInt(PAGE_SIZE)
const IOVA = 0x4000_0000n
const LENGTH = 512
const TRANSLATED_CDEV = { access: 'cdev', iommu: 'present' } as const
const PAGES = 'drivers/iommu/iommufd/pages.c'

/** A device that somebody has is bound to nobody else; its node may be opened all the same. */
const inUse = (lab: CaseContext, pci: PciDevice): void => {
  const cdev = openCdev(lab, pci)
  using iommu = IommuFd.open()
  expectErrno('EINVAL', () => cdev.bind(iommu))
  cdev.close()
}

const mapOf = (ioasId: number, address: bigint, { length = PAGE, iova = IOVA } = {}) => mapRequest(ioasId, { address, length }, { iova })

/** What each of them is told who ask at the same time, sorted. */
const toldAtOnce = (others: readonly OtherProcess[], name: IoctlName, argumentOf: (index: number) => Struct<Fields>): readonly string[] => {
  const asked = others.map((other, index) => ({ other, argument: argumentOf(index) }))
  for (const { other, argument } of asked) other.sendIoctl(other.fd(), name, argument)
  return asked.map(({ other, argument }) => outcomeOf(() => other.receiveIoctl(name, argument))).toSorted()
}

const othersMemory = defineCase({
  name: 'memory-of-another',
  title: 'an IOAS takes the memory of each process that maps: it stays mapped for the device when that process is dead, until it is unmapped',
  needs: { ...TRANSLATED_CDEV, device: ['dma-read'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: [PAGES, 'drivers/iommu/iommufd/io_pagetable.c'] },
  provokes: IOMMU_FAULTS,
  run: async (lab) => {
    const open = openThroughCdev(lab, lab.device(['dma-read']))
    const reader = await dmaReader(lab, open)
    const pattern = Uint8Array.from({ length: PAGE_SIZE }, (_, index) => (index * 7 + 3) & 0xff)
    const other = lab.use(new OtherProcess([open.iommu.fd]))
    const memory = other.pages(PAGE_SIZE)
    other.write(memory, pattern)
    other.ioctl(other.fd(), 'IOMMU_IOAS_MAP', mapOf(open.ioas.id, memory))
    const read = async (when: string) => {
      equalBytes(await reader.dmaRead(IOVA, LENGTH) ?? new Uint8Array(), pattern.subarray(0, LENGTH), `what the device read of the other process ${when}`)
    }
    await read('while it lives')
    await other.kill()
    await read('after it was killed')
    equal(open.ioas.unmap(IOVA, PAGE_SIZE), PAGE, 'bytes that were unmapped')
    const later = await reader.dmaRead(IOVA, LENGTH)
    ok(later === undefined || later.some((byte, at) => byte !== pattern[at]), 'the device still reads memory that was unmapped')
  },
})

const deadsMemory = defineCase({
  name: 'memory-of-the-dead',
  title: 'memory that no device had when its process died is pinned for none any more: attach is refused until it is unmapped',
  needs: TRANSLATED_CDEV,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_UNMAP'], sources: [PAGES, 'drivers/iommu/iommufd/hw_pagetable.c'] },
  run: async (lab) => {
    const { iommu, cdev } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const other = lab.use(new OtherProcess([iommu.fd]))
    other.ioctl(other.fd(), 'IOMMU_IOAS_MAP', mapOf(ioas.id, other.pages(PAGE_SIZE)))
    await other.kill()
    expectErrno('EFAULT', () => cdev.attach(ioas.id))
    equal(ioas.unmap(IOVA, PAGE_SIZE), PAGE, 'bytes that were unmapped')
    cdev.attach(ioas.id)
  },
})

const killed = defineCase({
  name: 'killed-with-device',
  title: 'a process that is killed with an attached device and mapped memory leaves nothing: the device opens at once',
  needs: { access: 'cdev' },
  covers: {
    ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'IOMMU_IOAS_MAP'],
    sources: ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c', 'drivers/iommu/iommufd/main.c', PAGES],
  },
  run: async (lab) => {
    const pci = lab.device()
    for (let round = 0; round < 3; round += 1) {
      const other = lab.use(new OtherProcess())
      const iommu = other.open('/dev/iommu')
      const cdev = other.open(pci.cdevNode ?? '')
      other.ioctl(cdev, 'VFIO_DEVICE_BIND_IOMMUFD', vfioStructs.deviceBindIommufd.make({ iommufd: iommu }))
      const alloc = s.ioasAlloc.make()
      other.ioctl(iommu, 'IOMMU_IOAS_ALLOC', alloc)
      const ioasId = alloc.get('out_ioas_id')
      other.ioctl(cdev, 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', vfioStructs.deviceAttachIommufdPt.make({ pt_id: ioasId }))
      other.ioctl(iommu, 'IOMMU_IOAS_MAP', mapOf(ioasId, other.pages(64 * PAGE_SIZE), { length: 64n * PAGE }))
      inUse(lab, pci)
      await other.kill()
      const open = openThroughCdev(lab, pci)
      open.device.close()
      open.iommu.close()
    }
  },
})

const heir = defineCase({
  name: 'device-outlives-its-process',
  title: 'a device that another program inherited stays open: nobody else gets it, and its driver is not let go, until that program ends',
  needs: { access: 'cdev' },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/device_cdev.c'] },
  provokes: ['No device request channel registered'],
  run: async (lab) => {
    const pci = lab.device()
    const { cdev, iommu } = bindCdev(lab, pci)
    const other = lab.use(new OtherProcess([cdev.fd]))
    cdev.close()
    iommu.close()
    inUse(lab, pci)
    const info = vfioStructs.deviceInfo.make()
    other.ioctl(other.fd(), 'VFIO_DEVICE_GET_INFO', info)
    ok(info.get('num_regions') > 0, 'the device must still answer who inherited it')
    lab.defer(() => { pci.bind() })
    let done = false
    const unbinding = pci.unbind().then(() => { done = true })
    await setTimeout(100, undefined, { signal: lab.signal })
    equal(done, false, 'the driver let go of a device that another program has open')
    await other.kill()
    await unbinding
    equal(pci.driver, undefined, 'driver of the device')
  },
})

const nobody = defineCase({
  name: 'nobody',
  title: 'who has no privilege opens nothing, may use a context that it was given, and changes nothing that needs privilege',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_ALLOC', 'IOMMU_IOAS_MAP', 'IOMMU_OPTION'], sources: ['drivers/iommu/iommufd/main.c', 'drivers/iommu/iommufd/ioas.c', PAGES] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const other = lab.use(new OtherProcess([iommu.fd]))
    other.becomeNobody()
    const nodes = lab.devices().flatMap(({ cdevNode, groupNode }) => [cdevNode, groupNode]).filter((node) => node !== undefined)
    for (const node of ['/dev/iommu', ...nodes]) expectErrno('EACCES', () => other.open(node))
    const alloc = s.ioasAlloc.make()
    other.ioctl(other.fd(), 'IOMMU_IOAS_ALLOC', alloc)
    other.ioctl(other.fd(), 'IOMMU_IOAS_MAP', mapOf(alloc.get('out_ioas_id'), other.pages(PAGE_SIZE)))
    const option = s.option.make({ option_id: IOMMUFD.IOMMU_OPTION_RLIMIT_MODE, op: IOMMUFD.IOMMU_OPTION_OP_SET, val64: 1n })
    expectErrno('EPERM', () => other.ioctl(other.fd(), 'IOMMU_OPTION', option))
  },
})

const limit = defineCase({
  name: 'limit-of-nobody',
  title: 'memory for a device counts against the limit of locked memory of who maps it, and is given back by unmap and by death',
  needs: TRANSLATED_CDEV,
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: [PAGES] },
  run: async (lab) => {
    const { ioas, iommu } = openThroughCdev(lab, lab.device())
    for (let round = 0; round < 2; round += 1) {
      const other = lab.use(OtherProcess.nobody([iommu.fd], 4 * PAGE_SIZE))
      const memory = other.pages(8 * PAGE_SIZE)
      const map = (pages: number, iova: bigint) => other.ioctl(other.fd(), 'IOMMU_IOAS_MAP', mapOf(ioas.id, memory, { length: BigInt(pages) * PAGE, iova }))
      expectErrno('ENOMEM', () => map(5, IOVA))
      map(4, IOVA)
      expectErrno('ENOMEM', () => map(1, 2n * IOVA))
      equal(ioas.unmap(IOVA, 4 * PAGE_SIZE), 4n * PAGE, 'bytes that were unmapped')
      map(4, IOVA)
      await other.kill()
      equal(ioas.unmap(IOVA, 4 * PAGE_SIZE), 4n * PAGE, 'bytes of the dead that were unmapped')
    }
  },
})

const ROUNDS = 50
const BIND_ROUNDS = 2
/** More of them are searched longer: 20 to 60 ms in a guest without KVM. */
const SMALL_RANGES = 20_000
const FAR = 0x80_0000_0000n
/** While one looks for room the other one comes, at the latest. */
const LOOKING_MS = [0.2, 0.5, 1, 2, 4, 8, 16, 32]

const race = defineCase({
  name: 'two-map-the-same',
  title: 'of two processes that map the same IOVA of one IOAS at the same time one does, and the other is told EEXIST',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_UNMAP'], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const others = [lab.use(new OtherProcess([iommu.fd])), lab.use(new OtherProcess([iommu.fd]))]
    const memories = others.map((other) => other.pages(PAGE_SIZE))
    for (let round = 0; round < ROUNDS; round += 1) {
      const told = toldAtOnce(others, 'IOMMU_IOAS_MAP', (index) => mapOf(ioas.id, memories[index] ?? 0n, { iova: IOVA + BigInt(round) * PAGE }))
      equal(told, ['EEXIST', 'ok'], `what the two are told in round ${round}`)
    }
    equal(ioas.unmapAll(), BigInt(ROUNDS) * PAGE, 'bytes mapped in the end')
  },
})

const roomLooked = defineCase({
  name: 'two-look-for-room',
  title: 'of two processes that let the kernel find an IOVA in one IOAS each gets its own, though one comes when the other has just found room',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_IOAS_MAP', 'IOMMU_IOAS_ALLOW_IOVAS'], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },
  timeoutMs: 10_000,
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    // All that may be used is too small, up to the last: it takes the kernel some milliseconds to find out, with the IOAS locked.
    const small = Array.from({ length: SMALL_RANGES }, (_, index) => IOVA + BigInt(index) * 2n * PAGE).map((start) => ({ start, last: start + PAGE - 1n }))
    ioas.allow([...small, { start: FAR, last: FAR + 0xffff_ffffn }])
    const memory = lab.use(Memory.pages(2 * PAGE_SIZE))
    const other = lab.use(new OtherProcess([iommu.fd]))
    const others = other.pages(2 * PAGE_SIZE)
    // It waits for the IOAS then, and has it as soon as it is unlocked, if only between two steps.
    other.precedeOthers()
    for (const delayMs of LOOKING_MS) {
      const request = mapRequest(ioas.id, { address: others, length: memory.length })
      other.sendPause(delayMs)
      other.sendIoctl(other.fd(), 'IOMMU_IOAS_MAP', request)
      const mine = ioas.map(memory)
      other.receiveIoctl('IOMMU_IOAS_MAP', request)
      const theirs = request.get('iova')
      ok(mine !== theirs, `both got the IOVA 0x${mine.toString(16)}, the other one ${delayMs} ms later`)
      for (const iova of [mine, theirs]) equal(ioas.unmap(iova, memory.length), BigInt(memory.length), `bytes mapped at 0x${iova.toString(16)}`)
    }
  },
})

const destroyed = defineCase({
  name: 'two-destroy-the-same',
  title: 'of two processes that destroy an object at the same time one does, and the other is told ENOENT',
  needs: { config: ['IOMMUFD'] },
  covers: { ioctls: ['IOMMU_DESTROY', 'IOMMU_IOAS_ALLOC'], sources: ['drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const iommu = lab.use(IommuFd.open())
    const others = [lab.use(new OtherProcess([iommu.fd])), lab.use(new OtherProcess([iommu.fd]))]
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id } = iommu.ioasAlloc()
      const told = toldAtOnce(others, 'IOMMU_DESTROY', () => s.destroy.make({ id }))
      equal(told, ['ENOENT', 'ok'], `what the two are told in round ${round}`)
    }
  },
})

const bound = defineCase({
  name: 'two-bind-the-same',
  title: 'of two processes that bind an open device at the same time one does, and the other is told EINVAL; the device is then used and closed as ever',
  needs: { access: 'cdev' },
  covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: ['drivers/vfio/device_cdev.c'] },
  run: async (lab) => {
    for (let round = 0; round < BIND_ROUNDS; round += 1) {
      const cdev = openCdev(lab)
      const iommu = lab.use(IommuFd.open())
      const others = [lab.use(new OtherProcess([cdev.fd, iommu.fd])), lab.use(new OtherProcess([cdev.fd, iommu.fd]))]
      const told = toldAtOnce(others, 'VFIO_DEVICE_BIND_IOMMUFD', (index) => vfioStructs.deviceBindIommufd.make({ iommufd: others[index]?.fd(1) ?? -1 }))
      equal(told, ['EINVAL', 'ok'], `what the two are told in round ${round}`)
      cdev.attach(iommu.ioasAlloc().id)
      // They have it open too.
      for (const other of others) await other.kill()
      cdev.close()
      iommu.close()
    }
  },
})

export const processes = suite('processes', [othersMemory, deadsMemory, killed, heir, nobody, limit, race, roomLooked, destroyed, bound])
