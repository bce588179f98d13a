import type { CaseContext } from '../case/case-context.ts'
import { defineCase, suite } from '../case/define-case.ts'
import { equalBytes, expectErrno, Failed } from '../case/expect.ts'
import { capabilitiesOf, kindsWith } from '../case/kinds.ts'
import { interrupter } from '../devices/drive.ts'
import { msixTable } from '../pci/header.ts'
import type { DeviceKind } from '../protocol.ts'
import { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { connectIrqs, disableIrqs } from '../vfio/interrupts.ts'
import { openAnyDevice, type OpenDevice } from '../vfio/open-device.ts'

const MSIX = VFIO.VFIO_PCI_MSIX_IRQ_INDEX
/** Bytes of a vector in the table: address, data, control (PCIe 7.7.2, PCI_MSIX_ENTRY_SIZE). */
const ENTRY = 16
const RDWR = 'drivers/vfio/pci/vfio_pci_rdwr.c'
const CORE = 'drivers/vfio/pci/vfio_pci_core.c'
const REGION_INFO = ['VFIO_DEVICE_GET_REGION_INFO'] as const

/** Where the vectors lie: whoever writes there sends messages of his own, to any interrupt of the host where nothing remaps them. */
const tableOf = ({ device, pci }: OpenDevice): { readonly bar: number; readonly start: number; readonly end: number; readonly fillsBar: boolean } => {
  const table = msixTable(pci.configByte)
  if (table === undefined) throw new Failed(`${pci.toString()} has no table of MSI-X`)
  const end = table.offset + device.irqInfo(MSIX).count * ENTRY
  return { bar: table.bar, start: table.offset, end, fillsBar: end >= device.regionInfo(table.bar).size }
}

const ones = (length: number): Uint8Array => new Uint8Array(length).fill(0xff)

const forEachTable = (lab: CaseContext, run: (open: OpenDevice, inner: CaseContext) => void): Promise<void> =>
  lab.forEachDevice((pci, inner) => { run(openAnyDevice(inner, pci), inner) }, lab.devices(['msix']))

const reads = defineCase({
  name: 'reads-ones',
  title: 'the table of MSI-X reads as ones, from its first byte to its last and no further, also by a read that runs over its end',
  needs: { access: 'any', device: ['msix'] },
  covers: { ioctls: REGION_INFO, sources: [RDWR, CORE] },
  run: (lab) => forEachTable(lab, (open) => {
    const { device, pci } = open
    const { bar, start, end, fillsBar } = tableOf(open)
    for (let at = start; at < end; at += 4) equalBytes(device.readBytes(bar, at, 4), ones(4), `BAR ${bar} of ${pci.toString()}, 4 bytes from ${at}`)
    equalBytes(device.readBytes(bar, start, end - start), ones(end - start), `the whole table of ${pci.toString()}`)
    if (fillsBar) return
    const behind = device.readBytes(bar, end, 4)
    equalBytes(device.readBytes(bar, end - 4, 8), Uint8Array.from([...ones(4), ...behind]), `8 bytes over the end of the table of ${pci.toString()}`)
  }),
})

const ioeventfds = defineCase({
  name: 'no-ioeventfd',
  title: 'no eventfd writes to the table of MSI-X, neither to its first word nor to its last: EINVAL; one may write behind it',
  needs: { access: 'any', device: ['msix'] },
  covers: { ioctls: ['VFIO_DEVICE_IOEVENTFD'], sources: [RDWR, CORE] },
  run: (lab) => forEachTable(lab, (open, inner) => {
    const { device } = open
    const { bar, start, end, fillsBar } = tableOf(open)
    const event = inner.use(new EventFd())
    const set = (at: number, fd = event.fd.number) => { device.ioeventfd(4, device.regionInfo(bar).offset + BigInt(at), 0n, fd) }
    for (const at of [start, end - ENTRY, end - 4]) expectErrno('EINVAL', () => { set(at) })
    if (fillsBar) return
    set(end)
    set(end, -1)
  }),
})

const writes = (kind: DeviceKind) => defineCase({
  name: `writes-dropped-${kind}`,
  title: `what is written to the table of MSI-X of ${kind} is dropped: its vectors come all the same`,
  needs: { access: 'any', deviceKind: kind, device: capabilitiesOf(kind, ['msix']) },
  covers: { ioctls: [...REGION_INFO, 'VFIO_DEVICE_SET_IRQS'], sources: [RDWR, CORE] },
  run: async (lab) => {
    const open = openAnyDevice(lab, lab.device(kind))
    const { device } = open
    const raiser = await interrupter(lab, open)
    const { bar, start, end } = tableOf(open)
    const events = Array.from({ length: device.irqInfo(MSIX).count }, (_, vector) => lab.use(new EventFd(`eventfd of vector ${vector}`)))
    connectIrqs(device, MSIX, events)
    await raiser.prepareVectors?.()
    for (let at = start; at < end; at += 4) device.write(bar, at, 4, 0xffff_ffff)
    device.writeBytes(bar, start, ones(end - start))
    for (let vector = 0; vector < raiser.vectors; vector += 1) {
      events[vector]?.read()
      await raiser.raiseInterrupt(vector)
      if (await events[vector]?.wait(2000, lab.signal) === 0) throw new Failed(`vector ${vector} no longer comes`)
      await raiser.acknowledgeInterrupt()
    }
    disableIrqs(device, MSIX)
  },
})

export const msixTableSuite = suite('msix-table', [reads, ioeventfds, ...kindsWith(['msix']).map(writes)])
