import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno } from '../case/expect.ts'
import { IO_BAR, MEMORY_BAR } from '../devices/pci-testdev.ts'
import { PCI_COMMAND, PCI_COMMAND_MEMORY } from '../pci/header.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const { VFIO_PCI_BAR0_REGION_INDEX: BAR, VFIO_PCI_BAR2_REGION_INDEX: NO_BAR, VFIO_PCI_ROM_REGION_INDEX: ROM, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG } = VFIO
const RDWR = 'drivers/vfio/pci/vfio_pci_rdwr.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
/** edu's register that reads back the complement of what was written. */
const LIVENESS = 4

export const regionAccess = suite('region-access', [
  defineCase({
    name: 'bounds',
    title: 'an access that crosses the end of a BAR is cut there, one behind it is EINVAL, and so is any to a region that is not there',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [RDWR, CORE] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      const { size } = device.regionInfo(BAR)
      equal(device.readBytes(BAR, size - 4, 8).byteLength, 4, 'bytes read across the end')
      equal(device.writeBytes(BAR, size - 4, new Uint8Array(8)), 4, 'bytes written across the end')
      for (const offset of [size, size + 4, 2 * size]) {
        expectErrno('EINVAL', () => device.readBytes(BAR, offset, 4))
        expectErrno('EINVAL', () => device.writeBytes(BAR, offset, new Uint8Array(4)))
      }
      for (const region of [NO_BAR, ROM, VFIO.VFIO_PCI_NUM_REGIONS, 100]) {
        expectErrno('EINVAL', () => device.readBytes(region, 0, 4))
        expectErrno('EINVAL', () => device.writeBytes(region, 0, new Uint8Array(4)))
      }
    },
  }),
  defineCase({
    name: 'any-length',
    title: 'reads of any length and alignment of memory and of I/O ports give the same bytes as reads of one byte each',
    needs: { access: 'any', deviceKind: 'pci-testdev' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [RDWR] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('pci-testdev'))
      for (const bar of [MEMORY_BAR, IO_BAR]) {
        device.write(bar, 0, 1, 0)
        const bytes = Uint8Array.from({ length: 24 }, (_, offset) => device.read(bar, offset, 1))
        for (const [offset, length] of [[0, 8], [0, 24], [1, 15], [2, 6], [3, 13], [4, 12], [6, 9]] as const) {
          equalBytes(device.readBytes(bar, offset, length), bytes.slice(offset, offset + length), `BAR ${bar}, ${length} bytes from ${offset}`)
        }
      }
    },
  }),
  defineCase({
    name: 'memory-decode-off',
    title: 'while memory decoding is off a memory BAR is EIO; config space is not, and the registers come back as they were',
    needs: { access: 'any', deviceKind: 'edu' },
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [RDWR, 'drivers/vfio/pci/vfio_pci_config.c'] },
    run: (lab) => {
      const { device } = openAnyDevice(lab, lab.device('edu'))
      device.write(BAR, LIVENESS, 4, 0x1234_5678)
      const command = device.read(CONFIG, PCI_COMMAND, 2)
      device.write(CONFIG, PCI_COMMAND, 2, command & ~PCI_COMMAND_MEMORY)
      equal(device.read(CONFIG, PCI_COMMAND, 2), command & ~PCI_COMMAND_MEMORY, 'COMMAND without memory decoding')
      expectErrno('EIO', () => device.read(BAR, LIVENESS, 4))
      expectErrno('EIO', () => { device.write(BAR, LIVENESS, 4, 0) })
      device.write(CONFIG, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY)
      equal(device.read(BAR, LIVENESS, 4), ~0x1234_5678 >>> 0, 'register after decoding was switched on again')
    },
  }),
])
