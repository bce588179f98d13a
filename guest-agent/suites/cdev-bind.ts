import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { Fd } from '../sys/fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { checked } from '../sys/libc.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE, Registers } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { bindCdev, openCdev } from '../vfio/bound-cdev.ts'

const NEEDS = { access: 'cdev' } as const
const IOCTLS = ['VFIO_DEVICE_BIND_IOMMUFD']
const SOURCES = ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c']

const before = defineCase({
  name: 'nothing-before-bind',
  title: 'an open cdev answers EINVAL to everything until it is bound',
  needs: NEEDS,
  covers: {
    ioctls: [...IOCTLS, 'VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_GET_REGION_INFO', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT', 'VFIO_DEVICE_DETACH_IOMMUFD_PT', 'VFIO_DEVICE_RESET', 'VFIO_DEVICE_FEATURE'],
    sources: SOURCES,
  },
  run: (lab) => {
    const cdev = openCdev(lab)
    const iommu = lab.use(IommuFd.open())
    const ioas = iommu.ioasAlloc()
    const refused = () => {
      expectErrno('EINVAL', () => cdev.info())
      expectErrno('EINVAL', () => cdev.ioctl('VFIO_DEVICE_GET_REGION_INFO', vfioStructs.regionInfo.make({ index: 0 })))
      expectErrno('EINVAL', () => cdev.irqInfo(0))
      expectErrno('EINVAL', () => cdev.attach(ioas.id))
      expectErrno('EINVAL', () => { cdev.detach() })
      expectErrno('EINVAL', () => { cdev.reset() })
      expectErrno('EINVAL', () => cdev.feature(VFIO.VFIO_DEVICE_FEATURE_PROBE))
      const bytes = new Uint8Array(new ArrayBuffer(4))
      expectErrno('EINVAL', () => checked('pread(config space)', (c) => c.pread(cdev.fd.number, bytes, 4, 7n << 40n)))
      expectErrno('EINVAL', () => checked('pwrite(config space)', (c) => c.pwrite(cdev.fd.number, bytes, 4, 7n << 40n)))
      expectErrno('EINVAL', () => Registers.ofRegion(cdev.fd, 0n, PAGE_SIZE, 'region 0'))
    }
    refused()
    // A refused bind opens nothing.
    expectErrno('EBADF', () => cdev.ioctl('VFIO_DEVICE_BIND_IOMMUFD', vfioStructs.deviceBindIommufd.make({ iommufd: 100_000 })))
    refused()
    ok(cdev.bind(iommu) !== 0, 'an object id is never 0')
    ok((cdev.info().flags & VFIO.VFIO_DEVICE_FLAGS_PCI) !== 0, 'a bound device says that it is a PCI device')
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'a bind with a wrong length, flag or descriptor is refused, and the next good one succeeds',
  needs: NEEDS,
  covers: { ioctls: IOCTLS, sources: [...SOURCES, 'drivers/iommu/iommufd/main.c'] },
  run: (lab) => {
    const cdev = openCdev(lab)
    const iommu = lab.use(IommuFd.open())
    const null_ = lab.use(Fd.open('/dev/null'))
    const bind = (values: Parameters<typeof vfioStructs.deviceBindIommufd.make>[0], tail?: Uint8Array) =>
      cdev.ioctl('VFIO_DEVICE_BIND_IOMMUFD', vfioStructs.deviceBindIommufd.make({ iommufd: iommu.fd.number, ...values }, tail === undefined ? {} : { tail }))
    for (const argsz of [0, 8, 15]) expectErrno('EINVAL', () => bind({ argsz }))
    for (const flags of [2, 0x8000_0000]) expectErrno('EINVAL', () => bind({ flags }))
    expectErrno('E2BIG', () => bind({}, new Uint8Array([0, 0, 0, 1])))
    for (const iommufd of [-1, -1000]) expectErrno('EINVAL', () => bind({ iommufd }))
    expectErrno('EBADF', () => bind({ iommufd: 100_000 }))
    expectErrno('EBADFD', () => bind({ iommufd: null_.number }))
    expectErrno('EBADFD', () => bind({ iommufd: cdev.fd.number }))
    expectErrno('EFAULT', () => ioctl(cdev.fd, 'VFIO_DEVICE_BIND_IOMMUFD', 0n))
    // A struct that ends before token_uuid_ptr is the first version of it.
    bind({ argsz: 16 })
    expectErrno('EINVAL', () => bind({}))
  },
})

const token = defineCase({
  name: 'token-not-asked-for',
  title: 'a VF token given for a device that has no virtual functions is EINVAL, an unreadable one EFAULT',
  needs: { ...NEEDS, uapi: ['VFIO_DEVICE_BIND_FLAG_TOKEN'], deviceKind: 'edu' },
  covers: { ioctls: IOCTLS, sources: ['drivers/vfio/device_cdev.c', 'drivers/vfio/pci/vfio_pci_core.c'] },
  run: (lab) => {
    const cdev = openCdev(lab, lab.device('edu'))
    const iommu = lab.use(IommuFd.open())
    const uuid = lab.use(Memory.pages(PAGE_SIZE))
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    const bind = (address: bigint) => cdev.ioctl('VFIO_DEVICE_BIND_IOMMUFD', vfioStructs.deviceBindIommufd.make({
      iommufd: iommu.fd.number, flags: VFIO.VFIO_DEVICE_BIND_FLAG_TOKEN, token_uuid_ptr: address,
    }))
    expectErrno('EINVAL', () => bind(uuid.address))
    expectErrno('EFAULT', () => bind(nowhere.address))
    cdev.bind(iommu)
  },
})

const twice = defineCase({
  name: 'one-owner',
  title: 'a device is bound once: not twice by its owner, nor by a second open, until the owner closes',
  needs: NEEDS,
  covers: { ioctls: IOCTLS, sources: SOURCES },
  run: (lab) => {
    const { iommu, cdev: owner } = bindCdev(lab)
    const other = lab.use(IommuFd.open())
    expectErrno('EINVAL', () => owner.bind(iommu))
    expectErrno('EINVAL', () => owner.bind(other))
    const second = openCdev(lab)
    for (const context of [iommu, other]) expectErrno('EINVAL', () => second.bind(context))
    expectErrno('EINVAL', () => second.info())
    ok(owner.info().regions > 0, 'the owner must still reach the device')
    owner.close()
    second.bind(other)
    ok(second.info().regions > 0, 'the second open must reach the device after it was bound')
  },
})

const unwinding = defineCase({
  name: 'unanswered-bind-unwinds',
  title: 'a bind whose answer cannot be written is EFAULT and leaves the device unbound',
  needs: { ...NEEDS, config: ['MEMFD_CREATE'] },
  covers: { ioctls: IOCTLS, sources: [...SOURCES, 'drivers/iommu/iommufd/device.c'] },
  run: (lab) => {
    const cdev = openCdev(lab)
    const iommu = lab.use(IommuFd.open())
    const file = lab.use(memfd(PAGE_SIZE))
    const writable = lab.use(Memory.ofFile(file, PAGE_SIZE))
    const constant = lab.use(Memory.ofFile(file, PAGE_SIZE, { readOnly: true }))
    writable.bytes.set(vfioStructs.deviceBindIommufd.make({ iommufd: iommu.fd.number }).bytes)
    for (let round = 0; round < 3; round += 1) expectErrno('EFAULT', () => ioctl(cdev.fd, 'VFIO_DEVICE_BIND_IOMMUFD', constant.address))
    expectErrno('EINVAL', () => cdev.info())
    const other = lab.use(IommuFd.open())
    const deviceId = cdev.bind(other)
    expectErrno('EBUSY', () => { other.destroy(deviceId) })
  },
})

const id = defineCase({
  name: 'device-id',
  title: 'a bound device is an object of its context: busy while bound, no IOAS, and gone when it is closed',
  needs: { ...NEEDS, devices: 2 },
  covers: { ioctls: [...IOCTLS, 'IOMMU_DESTROY', 'IOMMU_IOAS_IOVA_RANGES'], sources: ['drivers/iommu/iommufd/device.c', 'drivers/iommu/iommufd/main.c', 'drivers/vfio/iommufd.c'] },
  run: (lab) => {
    const [first, second] = lab.devices()
    const { iommu, cdev, deviceId } = bindCdev(lab, first)
    const other = bindCdev(lab, second, iommu)
    ok(deviceId !== other.deviceId, `two devices share the id ${deviceId}`)
    const ioas = iommu.ioasAlloc()
    expectErrno('EBUSY', () => { iommu.destroy(deviceId) })
    expectErrno('ENOENT', () => { iommu.setVfioIoas(deviceId) })
    expectErrno('ENOENT', () => { iommu.setOption(1, 1n, deviceId) })
    cdev.close()
    expectErrno('ENOENT', () => { iommu.destroy(deviceId) })
    expectErrno('EBUSY', () => { iommu.destroy(other.deviceId) })
    equal(other.cdev.info().flags & VFIO.VFIO_DEVICE_FLAGS_PCI, VFIO.VFIO_DEVICE_FLAGS_PCI, 'the other device must still answer')
    ioas.destroy()
  },
})

export const cdevBind = suite('cdev-bind', [before, refusals, token, twice, unwinding, id])
