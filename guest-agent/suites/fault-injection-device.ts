import type { CaseContext } from '../case/case-context.ts'
import { eachAllocationFails, FAILING_ALLOCATIONS, neverFails } from '../case/each-allocation.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, Failed } from '../case/expect.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import type { DeviceCapability } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { Registers } from '../sys/memory.ts'
import { readText } from '../sys/text-file.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { hasContainer } from '../vfio/attached-group.ts'
import { connectIrqs, connectUnmask, disableIrqs } from '../vfio/interrupts.ts'
import { mappableBar } from '../vfio/mappable-bar.ts'
import { openAnyDevice, openThroughCdev, openThroughGroup } from '../vfio/open-device.ts'

const NEEDS = { access: 'any', config: FAILING_ALLOCATIONS } as const
const TIMEOUT = 30_000
const INTRS = 'drivers/vfio/pci/vfio_pci_intrs.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const { VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_PCI_REQ_IRQ_INDEX: REQ } = VFIO

/** Vectors for which there is no memory are vectors that there are not, to pci_alloc_irq_vectors() and to msi_domain_alloc_irq_at(). */
const REFUSALS = ['ENOMEM', 'ENOSPC']

/** Files of /proc/irq for which there was no memory when an interrupt was made are missed when it goes, and nobody else is harmed. */
const IRQ_FILES = ['WARNING: fs/proc/generic\\.c:\\d+ at remove_proc_entry']

const handlers = (): number => (readText('/proc/interrupts') ?? '').split('\n').filter((line) => line.includes('vfio-')).length

/** Connects so many interrupts of the index, all at once; where it cannot, there is no handler and no eventfd that is held. */
const irqCase = (name: string, capability: DeviceCapability | undefined, index: number, most: number) => defineCase({
  name,
  title: `interrupts of index ${name.replace(/.*-/, '')} that cannot be set up are off, hold no eventfd, and can be set up then`,
  needs: { ...NEEDS, ...(capability === undefined ? {} : { device: [capability] }) },
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
  provokes: IRQ_FILES,
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(capability === undefined ? [] : [capability]))
    const events = Array.from({ length: Math.min(most, device.irqInfo(index).count) }, () => lab.use(new EventFd()))
    eachAllocationFails(lab, {
      refusals: REFUSALS,
      call: () => connectIrqs(device, index, events),
      undo: (fewer) => {
        if (fewer === 0) disableIrqs(device, index)
        else equal(handlers(), 0, `handlers where only ${fewer} vectors could be had`)
      },
      state: handlers,
    })
  },
})

const moreVectors = defineCase({
  name: 'irqs-more-msix',
  title: 'vectors of MSI-X that cannot be added are off; the one that was there still has its handler',
  needs: { ...NEEDS, device: ['msix'] },
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
  provokes: IRQ_FILES,
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['msix']))
    const [first, ...more] = Array.from({ length: 3 }, () => lab.use(new EventFd()))
    connectIrqs(device, MSIX, [first])
    eachAllocationFails(lab, {
      refusals: REFUSALS,
      call: () => { connectIrqs(device, MSIX, more, 1) },
      undo: () => {
        disableIrqs(device, MSIX)
        connectIrqs(device, MSIX, [first])
      },
      state: handlers,
    })
  },
})

const unmaskEvent = defineCase({
  name: 'irqs-unmask',
  title: 'an eventfd that shall unmask INTx and cannot be watched is not held',
  needs: { ...NEEDS, device: ['intx'] },
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS, 'drivers/vfio/virqfd.c'] },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['intx']))
    const event = lab.use(new EventFd())
    const connect = () => { connectIrqs(device, INTX, [lab.use(new EventFd())]) }
    connect()
    eachAllocationFails(lab, {
      call: () => { connectUnmask(device, INTX, event) },
      undo: () => {
        disableIrqs(device, INTX)
        connect()
      },
      state: handlers,
    })
  },
})

const disable = defineCase({
  name: 'irqs-off',
  title: 'interrupts are taken down however short memory is',
  needs: { ...NEEDS, device: ['msix'] },
  covers: { ioctls: ['VFIO_DEVICE_SET_IRQS'], sources: [INTRS] },
  provokes: IRQ_FILES,
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['msix']))
    const connect = () => { connectIrqs(device, MSIX, Array.from({ length: 3 }, () => lab.use(new EventFd()))) }
    connect()
    neverFails(lab, { call: () => { disableIrqs(device, MSIX) }, undo: connect })
  },
})

const reset = defineCase({
  name: 'reset',
  title: 'a device is reset however short memory is',
  needs: { ...NEEDS, device: ['reset'] },
  covers: { ioctls: ['VFIO_DEVICE_RESET'], sources: [CORE] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['reset']))
    neverFails(lab, { call: () => { device.reset() }, undo: () => undefined })
  },
})

const ioeventfd = defineCase({
  name: 'ioeventfd',
  title: 'an ioeventfd that cannot be watched is not held, and can be set up then',
  needs: { ...NEEDS, deviceKind: 'edu' },
  covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: ['drivers/vfio/pci/vfio_pci_rdwr.c', 'drivers/vfio/virqfd.c'] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device('edu'))
    const at = device.regionInfo(VFIO.VFIO_PCI_BAR0_REGION_INDEX).offset + 4n
    const event = lab.use(new EventFd())
    eachAllocationFails(lab, {
      call: () => { device.ioeventfd(4, at, 1n, event.fd.number) },
      undo: () => { device.ioeventfd(4, at, 1n, -1) },
    })
  },
})

const mmap = defineCase({
  name: 'bar-mmap',
  title: 'a BAR is mapped or is ENOMEM',
  needs: { ...NEEDS, device: ['bar-mmap'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['bar-mmap']))
    const { offset, size } = device.regionInfo(mappableBar(device))
    eachAllocationFails(lab, {
      call: () => Registers.ofRegion(device.fd, offset, size, 'a BAR'),
      undo: (registers) => { registers.unmap() },
    })
  },
})

const regionInfo = defineCase({
  name: 'region-info',
  title: 'the capabilities of a region are told or ENOMEM',
  needs: { ...NEEDS, device: ['msix'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: [CORE, 'drivers/vfio/vfio_main.c'] },
  run: (lab) => {
    const { device } = openAnyDevice(lab, lab.device(['msix']))
    const withTable = [0, 1, 2, 3, 4, 5].find((bar) => device.regionInfo(bar).capabilities.length > 0)
    if (withTable === undefined) throw new Failed('no BAR has a capability, not even that with the table of MSI-X')
    eachAllocationFails(lab, {
      call: () => device.ioctl('VFIO_DEVICE_GET_REGION_INFO', vfioStructs.regionInfo.make({ index: withTable }, { tail: 64 })),
      undo: () => undefined,
    })
  },
})

const hotReset = defineCase({
  name: 'hot-reset',
  title: 'a hot reset for which there is no memory is ENOMEM, and holds none of the groups that prove the ownership',
  needs: { ...NEEDS, device: ['reset'] },
  covers: { ioctls: ['VFIO_DEVICE_PCI_HOT_RESET', 'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO'], sources: [CORE] },
  timeoutMs: TIMEOUT,
  run: (lab) => {
    const pci = lab.device(['reset'])
    const openEach = [...(lab.hasCdev ? [throughCdev] : []), ...(lab.config('VFIO_GROUP') && hasContainer(lab) ? [throughGroup] : [])]
    for (const open of openEach) {
      const { device, groups, close } = open(lab, pci)
      eachAllocationFails(lab, { call: () => device.hotResetInfo(), undo: () => undefined })
      // What a cdev need not prove wants no memory.
      const fails = groups.length > 0 ? eachAllocationFails : neverFails
      fails(lab, { call: () => { device.hotReset(groups) }, undo: () => undefined })
      close()
    }
  },
})

const throughCdev = (lab: CaseContext, pci: PciDevice) => {
  const { device, iommu } = openThroughCdev(lab, pci)
  return {
    device,
    groups: [],
    close: () => {
      device.close()
      iommu.close()
    },
  }
}

const throughGroup = (lab: CaseContext, pci: PciDevice) => {
  const { device, group, container } = openThroughGroup(lab, pci)
  return {
    device,
    groups: [group.fd],
    close: () => {
      device.close()
      group.close()
      container.close()
    },
  }
}

export const faultInjectionDevice = suite('fault-injection-device', [
  irqCase('irqs-intx', 'intx', INTX, 1),
  irqCase('irqs-msi', 'msi', MSI, 4),
  irqCase('irqs-msix', 'msix', MSIX, 3),
  irqCase('irqs-request', undefined, REQ, 1),
  moreVectors, unmaskEvent, disable, reset, hotReset, ioeventfd, mmap, regionInfo,
], { onRequest: true })
