import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IO_BAR, MEMORY_BAR, PciTestdev } from '../devices/pci-testdev.ts'
import { PCI_COMMAND, PCI_COMMAND_MEMORY } from '../pci/header.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Fd } from '../sys/fd.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_BAR2_REGION_INDEX: NO_BAR, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG } = VFIO
const RDWR = 'drivers/vfio/pci/vfio_pci_rdwr.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
/** edu's register that reads back the complement of what was written. */
const LIVENESS = 4
/** VFIO_PCI_IOEVENTFD_MAX of the kernel. */
const MOST = 1000

interface Request {
  readonly flags: number
  readonly offset: bigint
  readonly data: bigint
  readonly fd: number
}

export const ioeventfd = suite('ioeventfd', [
  defineCase({
    name: 'write',
    title: 'a raised eventfd writes its value to its register, of memory and of I/O ports, until it is taken away',
    needs: { access: 'any', deviceKind: 'pci-testdev' },
    covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: [RDWR, 'drivers/vfio/virqfd.c'] },
    run: (lab) => {
      const open = openAnyDevice(lab, lab.device('pci-testdev'))
      const { device } = open
      for (const bar of [MEMORY_BAR, IO_BAR] as const) {
        const testdev = new PciTestdev(open, bar)
        const { width, offset, data } = testdev.select(0)
        if (width !== 1 && width !== 2 && width !== 4) throw new RangeError(`pci-testdev wants a write of ${width} bytes`)
        const at = device.regionInfo(bar).offset + BigInt(offset)
        const event = lab.use(new EventFd())
        device.ioeventfd(width, at, BigInt(data), event.fd.number)
        equal(testdev.count, 0, `writes to BAR ${bar} before the eventfd was raised`)
        for (const times of [1, 2]) {
          event.write()
          equal(testdev.count, times, `writes to BAR ${bar} by the eventfd`)
        }
        device.ioeventfd(width, at, BigInt(data), -1)
        event.write()
        equal(testdev.count, 2, `writes to BAR ${bar} after the eventfd was taken away`)
      }
    },
  }),
  defineCase({
    name: 'values',
    title: 'several eventfds write their own values to one register; while memory decoding is off none of them does',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: [RDWR] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const at = device.regionInfo(BAR).offset + BigInt(LIVENESS)
      const values = [0x1111_1111, 0x2222_2222].map((value) => ({ value, event: lab.use(new EventFd()) }))
      for (const { value, event } of values) device.ioeventfd(4, at, BigInt(value), event.fd.number)
      for (const { value, event } of [...values, ...values]) {
        event.write()
        equal(device.read(BAR, LIVENESS, 4), ~value >>> 0, 'register after the eventfd was raised')
      }
      const command = device.read(CONFIG, PCI_COMMAND, 2)
      device.write(CONFIG, PCI_COMMAND, 2, command & ~PCI_COMMAND_MEMORY)
      values[0]?.event.write()
      device.write(CONFIG, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY)
      equal(device.read(BAR, LIVENESS, 4), ~0x2222_2222 >>> 0, 'register after an eventfd was raised while nothing was decoded')
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'one size of 1, 2 or 4 bytes within a BAR and an eventfd: else EINVAL; EEXIST for the same twice, ENODEV to take away none',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: [RDWR, CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const { offset: start, size } = device.regionInfo(BAR)
      const event = lab.use(new EventFd())
      const good: Request = { flags: VFIO.VFIO_DEVICE_IOEVENTFD_32, offset: start + BigInt(LIVENESS), data: 1n, fd: event.fd.number }
      const set = (change: Partial<Request> & { readonly argsz?: number } = {}) =>
        device.ioctl('VFIO_DEVICE_IOEVENTFD', vfioStructs.deviceIoeventfd.make({ ...good, ...change }))
      const refused = (code: string, change: Parameters<typeof set>[0]) => expectErrno(code, () => set(change))
      for (const argsz of [0, 24, 27]) refused('EINVAL', { argsz })
      for (const flags of [0, 3, 6, VFIO.VFIO_DEVICE_IOEVENTFD_64, 0x10, 0x14]) refused('EINVAL', { flags })
      for (const region of [CONFIG, NO_BAR]) refused('EINVAL', { offset: device.regionInfo(region).offset })
      for (const at of [size, size - 2]) refused('EINVAL', { offset: start + BigInt(at) })
      refused('EINVAL', { fd: -2 })
      refused('EINVAL', { fd: lab.use(Fd.open('/dev/null')).number })
      refused('EBADF', { fd: 1 << 20 })
      refused('ENODEV', { fd: -1 })
      set()
      refused('EEXIST', {})
      refused('EEXIST', { fd: lab.use(new EventFd()).fd.number })
      const others: readonly Partial<Request>[] = [{ data: 2n }, { offset: good.offset + 4n }, { flags: VFIO.VFIO_DEVICE_IOEVENTFD_16 }]
      for (const other of others) refused('ENODEV', { ...other, fd: -1 })
      set({ fd: -1 })
      refused('ENODEV', { fd: -1 })
      set()
    },
  }),
  defineCase({
    name: 'most',
    title: 'a device has a thousand at most: one more is ENOSPC, until one of them is taken away',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: [RDWR] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const at = device.regionInfo(BAR).offset + BigInt(LIVENESS)
      const event = lab.use(new EventFd())
      const set = (value: number, fd = event.fd.number) => { device.ioeventfd(4, at, BigInt(value), fd) }
      for (let value = 0; value < MOST; value += 1) set(value)
      expectErrno('ENOSPC', () => { set(MOST) })
      set(7, -1)
      set(MOST)
      expectErrno('ENOSPC', () => { set(7) })
    },
  }),
])
