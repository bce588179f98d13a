import { expect, test } from 'vitest'
import { CaseContext } from '../../../guest-agent/case/case-context.ts'
import { parseRequest } from '../../../guest-agent/case/parse-request.ts'
import { PciDevice } from '../../../guest-agent/pci/pci-device.ts'
import type { CellFacts } from '../../../guest-agent/protocol.ts'

const ignore = () => undefined
const bare = { config: {}, uapi: [], iommu: [], devices: [], topology: [] }
const devices = [new PciDevice('0000:01:00.0', 'edu'), new PciDevice('0000:02:00.0', 'nvme'), new PciDevice('0000:81:00.0', 'iommu-testdev')]
const labWith = (facts: CellFacts) => new CaseContext({ facts, devices, signal: new AbortController().signal, note: ignore, ask: ignore })

test('a device that lacks something on this machine is not the one that has it', () => {
  expect(labWith(bare).device(['dma-64']).kind).toBe('edu')
  const narrow = labWith({ ...bare, without: { edu: ['dma-64'] } })
  expect(narrow.device(['dma-64']).kind).toBe('nvme')
  expect(narrow.device('edu').kind).toBe('edu')
})

test('a device that bypasses the IOMMU is found by nobody who wants one behind it', () => {
  expect(() => labWith(bare).device(['fault-report'])).toThrow('no device on this machine is able to fault-report')
})

test('what the devices of the cell lack comes with the request', () => {
  const line = (without: unknown) => JSON.stringify({ run: { cases: [], timeoutScale: 1, cell: { ...bare, without } } })
  expect(parseRequest(line({ edu: ['reset'] }))).toMatchObject({ run: { cell: { without: { edu: ['reset'] } } } })
  expect(() => parseRequest(line({ edu: ['rest'] }))).toThrow('cell.without: rest is unknown')
  expect(() => parseRequest(line({ ede: ['reset'] }))).toThrow('cell.without: ede is unknown')
})

const three = [new PciDevice('0000:01:00.0', 'vfio-user'), new PciDevice('0000:02:00.0', 'vfio-user-dma'), new PciDevice('0000:03:00.0', 'igb')]
const labOfThree = (facts: Partial<CellFacts>) => new CaseContext({
  facts: { config: {}, uapi: [], iommu: ['intel'], devices: three.map(({ kind }) => kind), topology: [], ...facts },
  devices: three, signal: new AbortController().signal, note: () => undefined, ask: () => undefined,
})

test('a case gets the first device that is able to do what it needs', () => {
  const lab = labOfThree({})
  expect([lab.device(), lab.device(['reset']), lab.device(['msi']), lab.device('igb')].map(({ kind }) => kind)).toEqual(['vfio-user', 'vfio-user', 'vfio-user-dma', 'igb'])
})

test('one that lacks it by its options is passed over, and is still there for a case about its kind', () => {
  const lab = labOfThree({ without: { 'vfio-user-dma': ['msi'] } })
  expect([lab.device(['msi']), lab.device(['msix']), lab.device('vfio-user-dma')].map(({ kind }) => kind)).toEqual(['igb', 'vfio-user-dma', 'vfio-user-dma'])
  expect(() => lab.device(['fault-report', 'msi'])).toThrow('no device on this machine is able to fault-report, msi')
})
