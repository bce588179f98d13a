import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { totalVirtualFunctions } from '../pci/virtual-functions.ts'
import { Errno } from '../sys/errno.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Fd } from '../sys/fd.ts'
import { checked } from '../sys/libc.ts'
import { memfd } from '../sys/memfd.ts'
import { ioctlByNumber } from '../sys/ioctl.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { IOCTLS } from '../uapi/ioctls.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { int32s } from '../vfio/vfio-device.ts'

const {
  VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET, VFIO_DEVICE_FEATURE_PROBE: PROBE, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY: ENTRY,
  VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP: ENTRY_WITH_WAKEUP, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT: EXIT,
  VFIO_DEVICE_FEATURE_DMA_BUF: DMA_BUF, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN: VF_TOKEN, VFIO_PCI_BAR0_REGION_INDEX: BAR,
} = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const MAIN = 'drivers/vfio/vfio_main.c'
const NEEDS = { access: 'any', device: [] } as const

/** Features that a PCI device of the lab has; all of them can only be set. */
const SETTABLE = [ENTRY, ENTRY_WITH_WAKEUP, EXIT]
/** A device that cannot migrate answers MIG_PRECOPY_INFOv2 with EINVAL in the kernels that know it, not with ENOTTY as for its siblings. */
const UNLIKE_OTHERS = [12]
/** The features that the header numbers, and a few that nobody has. */
const NUMBERS = [...Array(16).keys(), 0x7fff, 0xffff]

/** Low power is not entered twice, unless the device was woken in between. `woken`: how often that was told since it was asked last. */
const refusedUnlessWoken = (again: () => void, woken: (() => number) | undefined): void => {
  if (woken === undefined) {
    expectErrno('EINVAL', again)
    return
  }
  try {
    again()
  } catch (error) {
    if (error instanceof Errno && error.code === 'EINVAL') return
    throw error
  }
  equal(woken(), 1, 'wakeups told before low power was entered again')
}

export const deviceFeature = suite('device-feature', [
  defineCase({
    name: 'probe',
    title: 'a probe finds the features that the device has and ENOTTY for every other number',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_FEATURE'], sources: [MAIN, CORE] },
    run: (lab) => {
      const pci = lab.device()
      const { device } = openAnyDevice(lab, pci)
      const known: readonly number[] = [...SETTABLE, ...(lab.config('VFIO_PCI_DMABUF') ? [DMA_BUF] : []), ...(totalVirtualFunctions(pci) > 0 ? [VF_TOKEN] : [])]
      for (const feature of NUMBERS) {
        if (known.includes(feature)) device.feature(PROBE | feature)
        else expectErrno(UNLIKE_OTHERS.includes(feature) ? ['ENOTTY', 'EINVAL'] : 'ENOTTY', () => device.feature(PROBE | feature))
      }
      for (const feature of SETTABLE) {
        device.feature(PROBE | SET | feature)
        expectErrno('EINVAL', () => device.feature(PROBE | GET | feature))
        expectErrno('EINVAL', () => device.feature(PROBE | GET | SET | feature))
      }
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'a short argsz, unknown flags, GET with SET, neither of them, and what the feature cannot do are EINVAL',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_FEATURE'], sources: [MAIN] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device())
      for (const argsz of [0, 4, 7]) {
        expectErrno('EINVAL', () => device.ioctl('VFIO_DEVICE_FEATURE', vfioStructs.deviceFeature.make({ argsz, flags: PROBE | ENTRY })))
      }
      for (const flags of [PROBE | (1 << 19), PROBE | 0x8000_0000, SET | GET, GET, 0]) expectErrno('EINVAL', () => device.feature((flags | ENTRY) >>> 0))
      expectErrno('ENOTTY', () => device.feature(SET | 0xffff))
      expectErrno('EFAULT', () => device.ioctl('VFIO_DEVICE_FEATURE'))
    },
  }),
  defineCase({
    name: 'data-in-no-memory',
    title: 'a feature whose data is said to be there and is not in memory is EFAULT',
    needs: { access: 'any' },
    covers: { ioctls: ['VFIO_DEVICE_FEATURE'], sources: [CORE] },
    run: (lab) => {
      const pci = lab.devices(['sr-iov'])[0] ?? lab.device()
      const { device } = openAnyDevice(lab, pci)
      const edge = lab.use(Memory.lastPage())
      const features = [
        { name: 'LOW_POWER_ENTRY_WITH_WAKEUP', flags: ENTRY_WITH_WAKEUP, bytes: 8 },
        ...(totalVirtualFunctions(pci) > 0 ? [{ name: 'PCI_VF_TOKEN', flags: VF_TOKEN, bytes: 16 }] : []),
      ]
      for (const { name, flags, bytes } of features) {
        const { size } = vfioStructs.deviceFeature
        vfioStructs.deviceFeature.at(edge.bytes, PAGE_SIZE - size).set('argsz', size + bytes).set('flags', SET | flags)
        expectErrno('EFAULT', () => ioctlByNumber(device.fd, IOCTLS.VFIO_DEVICE_FEATURE, edge.address + BigInt(PAGE_SIZE - size), `VFIO_DEVICE_FEATURE/${name}`))
      }
    },
  }),
  defineCase({
    name: 'low-power',
    title: 'low power is entered once and left; in between a mapped BAR faults, afterwards it works as before',
    needs: { access: 'any', device: ['bar-mmap'] },
    covers: { ioctls: ['VFIO_DEVICE_FEATURE'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device(['bar-mmap']))
      const registers = lab.use(device.mmap(BAR, { length: PAGE_SIZE }))
      const first = registers.read32(0)
      const wake = lab.use(new EventFd())
      expectErrno('EINVAL', () => device.feature(SET | ENTRY_WITH_WAKEUP))
      expectErrno('EINVAL', () => device.feature(SET | ENTRY_WITH_WAKEUP, int32s([-1, 0])))
      expectErrno('EBADF', () => device.feature(SET | ENTRY_WITH_WAKEUP, int32s([1 << 20, 0])))
      expectErrno('EINVAL', () => device.feature(SET | ENTRY_WITH_WAKEUP, int32s([lab.use(Fd.open('/dev/null')).number, 0])))
      // With runtime PM the device sleeps a moment later, and the next ioctl wakes it: that ends a low power that asked for a wakeup, and tells.
      const wakes = lab.config('PM') ? () => wake.read() : undefined
      const enter = [
        { entry: () => { device.feature(SET | ENTRY) }, woken: undefined },
        { entry: () => { device.feature(SET | ENTRY_WITH_WAKEUP, int32s([wake.fd.number, 0])) }, woken: wakes },
      ]
      const file = lab.use(memfd(PAGE_SIZE))
      const word = new Uint8Array(registers.buffer, 0, 4)
      for (const { entry, woken } of enter) {
        entry()
        for (const again of enter) refusedUnlessWoken(again.entry, woken)
        // The kernel reads on our behalf: a fault is its refusal instead of our death by SIGBUS.
        expectErrno('EFAULT', () => checked('write(from a BAR in low power)', (c) => c.write(file.number, word, 4)))
        device.feature(SET | EXIT)
        device.feature(SET | EXIT)
        equal(registers.read32(0), first, 'first register after low power was left')
      }
    },
  }),
])
