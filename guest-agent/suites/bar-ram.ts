import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { kindsWith } from '../case/kinds.ts'
import { RAM_BAR } from '../devices/ivshmem.ts'
import { pattern } from '../devices/pattern.ts'
import { PAGE_SIZE } from '../sys/memory.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const SOURCES = ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_rdwr.c']

export const barRam = suite('bar-ram', kindsWith(['ram-bar']).map((kind) => defineCase({
  name: `both-views-${kind}`,
  title: `the RAM of ${kind} keeps what is written to it, through a mapping or by write(2), and both views show it`,
  needs: { access: 'any', deviceKind: kind, device: ['ram-bar', 'bar-mmap'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
  run: (lab) => {
    const pci = lab.device(kind)
    const { device } = openAnyDevice(lab, pci)
    const { size } = device.regionInfo(RAM_BAR)
    equal(size, pci.bars.find(({ index }) => index === RAM_BAR)?.size, 'size of the BAR')
    const mapping = lab.use(device.mmap(RAM_BAR))
    const bytes = new Uint8Array(mapping.buffer)
    const written = pattern(PAGE_SIZE)
    for (const at of [0, size / 2 - 2048, size - PAGE_SIZE]) {
      device.writeBytes(RAM_BAR, at, written)
      equalBytes(bytes.slice(at, at + PAGE_SIZE), written, `mapping at 0x${at.toString(16)} after write(2)`)
      bytes.set(written.toReversed(), at)
      equalBytes(device.readBytes(RAM_BAR, at, PAGE_SIZE), written.toReversed(), `read(2) at 0x${at.toString(16)} after a write through the mapping`)
    }
    // Of every width and at no good alignment.
    for (const [at, length] of [[1, 1], [3, 2], [5, 7], [0x101, 13]] as const) {
      equalBytes(device.readBytes(RAM_BAR, at, length), bytes.slice(at, at + length), `${length} bytes from 0x${at.toString(16)}`)
    }
  },
})))
