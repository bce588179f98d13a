import { expect, test } from 'vitest'
import { atsTestdev } from '../../../orchestrator/machine/ats-testdev.ts'
import { goldenOffer } from './golden-offer.ts'

const device = 'pcie-ats-testdev'

/** QEMU 11.1, or one like it whose IOMMU answers no page requests, with a model that has these properties. */
const offer = (properties: readonly string[], release: '10.0' | '11.1' = '11.1') => {
  const golden = goldenOffer(release)
  return { ...golden, devices: new Set([...golden.devices, device]), properties: new Map([...golden.properties, [device, new Set(properties)]]) }
}

test("QEMU's releases have no such device", () => {
  for (const release of ['7.2', '10.0', '11.1'] as const) expect(atsTestdev(goldenOffer(release))).toBeUndefined()
})

test('ATS is turned on where that is a property', () => {
  expect(atsTestdev(offer([]))?.properties).toEqual({ driver: device })
  expect(atsTestdev(offer(['ats']))?.properties).toEqual({ driver: device, ats: 'on' })
})

test('page requests are turned on where device and IOMMU have them, otherwise it is said which has not', () => {
  expect(atsTestdev(offer(['ats', 'pri']))).toMatchObject({ properties: { driver: device, ats: 'on', pri: 'on' }, noPageRequests: undefined })
  expect(atsTestdev(offer(['ats']))?.noPageRequests).toMatch(/^the pcie-ats-testdev of QEMU 11\.1\.3 .*no property pri/)
  const old = atsTestdev(offer(['ats', 'pri'], '10.0'))
  expect(old?.properties).toEqual({ driver: device, ats: 'on' })
  expect(old?.noPageRequests).toMatch(/^the intel-iommu of QEMU 10\.0\.13 .*no property svm/)
})

test('a model that has no counters is known before a guest starts', () => {
  expect(atsTestdev(offer(['ats', 'counters']))?.noCounters).toBeUndefined()
  expect(atsTestdev(offer(['ats']))?.noCounters).toMatch(/not the lab's model/)
})
