import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno } from '../case/expect.ts'
import { IO_BAR } from '../devices/pci-testdev.ts'
import { PCI_COMMAND, PCI_COMMAND_MEMORY } from '../pci/header.ts'
import { checked } from '../sys/libc.ts'
import { memfd } from '../sys/memfd.ts'
import { PAGE_SIZE, Registers } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_BAR2_REGION_INDEX: NO_BAR, VFIO_PCI_ROM_REGION_INDEX: ROM, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG } = VFIO
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const CONFIG_C = 'drivers/vfio/pci/vfio_pci_config.c'
const IDENTIFICATION = 0
/** edu's register that reads back the complement of what was written. */
const LIVENESS = 4

export const barMmap = suite('bar-mmap', [
  defineCase({
    name: 'same-registers',
    title: 'a mapped BAR and read and write on the descriptor reach the same registers, at every page of it',
    needs: { access: 'any', deviceKind: 'edu', device: ['bar-mmap'] },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const registers = lab.use(device.mmap(BAR))
      equal(registers.read32(IDENTIFICATION), device.read(BAR, IDENTIFICATION, 4), 'identification register')
      registers.write32(LIVENESS, 0x1122_3344)
      equal(device.read(BAR, LIVENESS, 4), ~0x1122_3344 >>> 0, 'register written through the mapping, read by read(2)')
      device.write(BAR, LIVENESS, 4, 0x5566_7788)
      equal(registers.read32(LIVENESS), ~0x5566_7788 >>> 0, 'register written by write(2), read through the mapping')
      // A page without registers reads all ones in edu: were it the first page again, it would identify itself.
      const last = lab.use(device.mmap(BAR, { offset: registers.length - PAGE_SIZE }))
      equal(last.read32(IDENTIFICATION), device.read(BAR, registers.length - PAGE_SIZE, 4), 'first word of the last page')
    },
  }),
  defineCase({
    name: 'refusals',
    title: 'what lies behind a BAR, a BAR of I/O ports, config space, the ROM and regions that are not there cannot be mapped: EINVAL',
    needs: { access: 'any', deviceKind: 'pci-testdev' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('pci-testdev'))
      const { size, offset } = device.regionInfo(BAR)
      expectErrno('EINVAL', () => device.mmap(BAR, { length: size + PAGE_SIZE }))
      expectErrno('EINVAL', () => device.mmap(BAR, { offset: size, length: PAGE_SIZE }))
      for (const region of [IO_BAR, NO_BAR, ROM, CONFIG]) expectErrno('EINVAL', () => device.mmap(region, { length: PAGE_SIZE }))
      for (const region of [VFIO.VFIO_PCI_VGA_REGION_INDEX, VFIO.VFIO_PCI_NUM_REGIONS, 1000]) {
        expectErrno('EINVAL', () => Registers.ofRegion(device.fd, BigInt(region) << 40n, PAGE_SIZE, `region ${region}`))
      }
      lab.use(Registers.ofRegion(device.fd, offset, size, 'the whole BAR'))
    },
  }),
  defineCase({
    name: 'past-the-end',
    title: 'a mapping that begins within a BAR and ends behind it is EINVAL, from whichever page on',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const { size } = device.regionInfo(BAR)
      for (const offset of [PAGE_SIZE, size / 2, size - PAGE_SIZE]) {
        expectErrno('EINVAL', () => device.mmap(BAR, { offset, length: size - offset + PAGE_SIZE }))
        expectErrno('EINVAL', () => device.mmap(BAR, { offset, length: size }))
      }
      for (const offset of [PAGE_SIZE, size / 2, size - PAGE_SIZE]) lab.use(device.mmap(BAR, { offset })).read32(0)
    },
  }),
  defineCase({
    name: 'memory-decode-off',
    title: 'while memory decoding is off a mapped BAR faults, although it was in use before; afterwards it works again',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, CONFIG_C] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const registers = lab.use(device.mmap(BAR, { length: PAGE_SIZE }))
      const identification = registers.read32(IDENTIFICATION)
      const command = device.read(CONFIG, PCI_COMMAND, 2)
      device.write(CONFIG, PCI_COMMAND, 2, command & ~PCI_COMMAND_MEMORY)
      // The kernel reads on our behalf: a fault is its refusal instead of our death by SIGBUS.
      const file = lab.use(memfd(PAGE_SIZE))
      const word = new Uint8Array(registers.buffer, IDENTIFICATION, 4)
      expectErrno('EFAULT', () => checked('write(from a BAR that does not decode)', (c) => c.write(file.number, word, 4)))
      device.write(CONFIG, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY)
      equal(registers.read32(IDENTIFICATION), identification, 'identification register through the old mapping')
    },
  }),
])
