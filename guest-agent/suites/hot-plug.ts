import fs from 'node:fs'
import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, ok } from '../case/expect.ts'
import { equalWritten } from '../devices/dma-report.ts'
import { dmaWriter } from '../devices/drive.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs } from '../vfio/interrupts.ts'
import { openAnyDevice } from '../vfio/open-device.ts'

const MAIN = 'drivers/vfio/vfio_main.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const NEEDS = { access: 'any', topology: ['plugged-later'] } as const
/** pciehp lets five seconds pass between the attention button and what it asks for, in which it can be taken back. */
const TIMEOUT_MS = 30_000

/** Plugs the device in; when the case ends it is out again, whatever the case did to it. */
const plugged = async (lab: CaseContext): Promise<PciDevice> => {
  const device = await lab.plug()
  lab.defer(async () => {
    if (!fs.existsSync(device.dir)) return
    lab.askToUnplug()
    await lab.isGone(device)
  })
  return device
}

const nodesOf = (device: PciDevice): readonly string[] => [device.cdevNode, device.groupNode].filter((path) => path !== undefined)

export const hotPlug = suite('hot-plug', [
  defineCase({
    name: 'plug',
    title: 'a device that is plugged in is bound as any other, has its nodes and reaches memory; unplugged, it leaves no node',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_GROUP_GET_DEVICE_FD'], sources: [MAIN, CORE] },
    timeoutMs: TIMEOUT_MS,
    provokes: ['Adding kernel taint for vfio-noiommu (group|cdev)'],
    run: async (lab) => {
      const device = await plugged(lab)
      device.bind()
      const nodes = nodesOf(device)
      ok(nodes.length > 0, `${device.toString()} must have a node`)
      await lab.forEachDevice(async (pci, inner) => {
        const open = openAnyDevice(inner, pci)
        const memory = inner.use(Memory.pages(PAGE_SIZE))
        const address = open.dma.map(memory)
        const report = await (await dmaWriter(inner, open)).dmaWrite(address, 64)
        equalWritten(memory.bytes.slice(0, 64), report, 'memory after the DMA')
      }, [device])
      lab.askToUnplug()
      await lab.isGone(device)
      for (const path of nodes) equal(fs.existsSync(path), false, `${path} exists after the device was unplugged`)
    },
  }),
  defineCase({
    name: 'unplug-while-open',
    title: 'who has a device open is asked for it by the request interrupt when it is unplugged; it goes when he closes it',
    needs: NEEDS,
    covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [MAIN, CORE] },
    timeoutMs: TIMEOUT_MS,
    provokes: ['Adding kernel taint for vfio-noiommu (group|cdev)', 'vfio-pci .*Relaying device request to user'],
    run: async (lab) => {
      const device = await plugged(lab)
      device.bind()
      await lab.forEachDevice(async (pci, inner) => {
        const open = openAnyDevice(inner, pci)
        const event = inner.use(new EventFd())
        connectIrqs(open.device, VFIO.VFIO_PCI_REQ_IRQ_INDEX, [event])
        lab.askToUnplug()
        ok(await event.wait(TIMEOUT_MS, lab.signal) > 0, 'the request interrupt must be raised')
        ok(fs.existsSync(pci.dir), `${pci.toString()} must be there as long as it is open`)
      }, [device])
      await lab.isGone(device)
    },
  }),
])
