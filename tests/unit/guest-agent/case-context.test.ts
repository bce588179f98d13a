import { expect, test } from 'vitest'
import { CaseContext } from '../../../guest-agent/case/case-context.ts'
import { PciDevice } from '../../../guest-agent/pci/pci-device.ts'
import type { CellFacts } from '../../../guest-agent/protocol.ts'

const devices = [new PciDevice('0000:01:00.0', 'vfio-user'), new PciDevice('0000:02:00.0', 'vfio-user-dma'), new PciDevice('0000:03:00.0', 'igb')]
const labWith = (facts: Partial<CellFacts>) => new CaseContext({
  facts: { config: {}, uapi: [], iommu: ['intel'], devices: devices.map(({ kind }) => kind), topology: [], ...facts },
  devices, signal: new AbortController().signal, note: () => undefined, ask: () => undefined,
})

test('a case gets the first device that is able to do what it needs', () => {
  const lab = labWith({})
  expect([lab.device(), lab.device(['reset']), lab.device(['msi']), lab.device('igb')].map(({ kind }) => kind)).toEqual(['vfio-user', 'vfio-user', 'vfio-user-dma', 'igb'])
})

test('one that lacks it by its options is passed over, and is still there for a case about its kind', () => {
  const lab = labWith({ without: { 'vfio-user-dma': ['msi'] } })
  expect([lab.device(['msi']), lab.device(['msix']), lab.device('vfio-user-dma')].map(({ kind }) => kind)).toEqual(['igb', 'vfio-user-dma', 'vfio-user-dma'])
  expect(() => lab.device(['fault-report', 'msi'])).toThrow('no device on this machine is able to fault-report, msi')
})
