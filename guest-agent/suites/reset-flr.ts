import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { enableBusMaster } from '../devices/bus-master.ts'
import { VfioUserDma } from '../devices/vfio-user-dma.ts'
import { REGISTER } from '../devices/vfio-user-dma-registers.ts'
import { capabilityChain, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR } from '../pci/header.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

/** A device that resets itself (Function Level Reset) and counts its resets. */
const NEEDS = { access: 'any', deviceKind: 'vfio-user-dma', device: ['reset', 'flr-count'] } as const
const SOURCES = ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_config.c']
const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX

const openDma = (lab: CaseContext) => {
  const open = openAnyDevice(lab, lab.device('vfio-user-dma'))
  const dma = new VfioUserDma(lab, open)
  return { device: open.device, space: open.dma, dma }
}

export const resetFlr = suite('reset-flr', [
  defineCase({
    name: 'once',
    title: 'VFIO_DEVICE_RESET resets the device once, and its registers are as at first',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: SOURCES },
    run: (lab) => {
      const { device, dma } = openDma(lab)
      const resets = dma.register(REGISTER.RESETS)
      dma.setRegister(REGISTER.SCRATCH, 0x5aa5_0ff0)
      equal(dma.register(REGISTER.SCRATCH), 0x5aa5_0ff0, 'a register before the reset')
      device.reset()
      equal([dma.register(REGISTER.SCRATCH), dma.register(REGISTER.RESETS) - resets], [0, 1], 'the register, and how often the device was reset')
    },
  }),
  defineCase({
    name: 'by-config-space',
    title: 'who asks for the reset in config space gets it',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: SOURCES },
    run: (lab) => {
      const { device, dma } = openDma(lab)
      const resets = dma.register(REGISTER.RESETS)
      const express = capabilityChain((offset) => device.read(CONFIG, offset, 1)).find(([, id]) => id === PCI_CAP_ID_EXP)?.[0] ?? 0
      const control = device.read(CONFIG, express + PCI_EXP_DEVCTL, 2)
      device.write(CONFIG, express + PCI_EXP_DEVCTL, 2, control | PCI_EXP_DEVCTL_BCR_FLR)
      equal(dma.register(REGISTER.RESETS) - resets, 1, 'resets of the device')
      equal(device.read(CONFIG, express + PCI_EXP_DEVCTL, 2), control, 'the register that asks for it, afterwards')
    },
  }),
  defineCase({
    name: 'mappings',
    title: 'what is mapped stays mapped over a reset: the device reaches it when it may master the bus again',
    needs: { ...NEEDS, device: ['reset', 'dma-write'] },
    covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: SOURCES },
    run: async (lab) => {
      const { device, space, dma } = openDma(lab)
      const memory = lab.use(Memory.pages(PAGE_SIZE))
      const address = space.map(memory)
      device.reset()
      enableBusMaster(device)
      const report = await dma.dmaWrite(address, 256)
      equal(report.translated, true, 'translated after the reset')
      equalWritten(memory.bytes.slice(0, 256), report, 'memory')
    },
  }),
])
