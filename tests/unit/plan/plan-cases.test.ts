import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEVICE_CAPABILITIES, type DeviceKind, type IommuTrait, type Needs } from '../../../guest-agent/protocol.ts'
import type { FailedKernel } from '../../../orchestrator/kernel/built-kernel.ts'
import type { MachineFacts } from '../../../orchestrator/machine/machine-spec.ts'
import { planCases } from '../../../orchestrator/plan/plan-cases.ts'
import { aCase, INTEL, kernelWith, NO_IOMMU, someCell, VIRTIO } from './made-up-lab.ts'

/** The reason why a case with these needs is absent; undefined: it is planned. */
const absence = (needs: Needs, config: Readonly<Record<string, string>>, machine: MachineFacts, uapi: readonly string[] = []) => {
  const { cases, absent } = planCases(someCell, kernelWith(config, uapi), machine, [aCase('s/a', needs)])
  return cases.length === 1 ? undefined : absent[0]?.because
}

const ALL = { IOMMUFD: 'y', VFIO_GROUP: 'y', VFIO_CONTAINER: 'y', VFIO_DEVICE_CDEV: 'y', VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'y' }
const without = (...symbols: readonly string[]) => Object.fromEntries(Object.entries(ALL).filter(([symbol]) => !symbols.includes(symbol)))

describe('a case is absent', () => {
  test.each<readonly [string, Needs, Readonly<Record<string, string>>, MachineFacts, string | undefined]>([
    ['never when it needs nothing', {}, {}, NO_IOMMU, undefined],
    ['without its symbol', { config: ['VFIO_GROUP'] }, without('VFIO_GROUP'), INTEL, 'VFIO_GROUP is not set'],
    ['not when the symbol is a module', { config: ['VFIO_GROUP'] }, { VFIO_GROUP: 'm' }, INTEL, undefined],
    ['when the symbol is n', { config: ['VFIO_GROUP'] }, { VFIO_GROUP: 'n' }, INTEL, 'VFIO_GROUP is not set'],
    ['when a symbol must not be set', { config: ['!VFIO_GROUP'] }, ALL, INTEL, 'VFIO_GROUP is set'],
    ['not when it is not', { config: ['!VFIO_GROUP'] }, {}, INTEL, undefined],
    ['when no alternative holds', { config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] }, {}, INTEL, 'VFIO_CONTAINER is not set and IOMMUFD_VFIO_CONTAINER is not set'],
    ['not when one does', { config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] }, { IOMMUFD_VFIO_CONTAINER: 'y' }, INTEL, undefined],
    ['where a module is wanted and the symbol is built in', { config: ['VFIO=m'] }, ALL, INTEL, 'VFIO is not a module'],
    ['not where it is a module', { config: ['VFIO=m'] }, { VFIO: 'm' }, INTEL, undefined],
    ['not for a name that every object has', { config: ['!constructor', '!toString'] }, {}, INTEL, undefined],
    ['without its uapi name', { uapi: ['IOMMU_IOAS_NOIOMMU_GET_PA'] }, ALL, INTEL, 'the tree\'s headers have no IOMMU_IOAS_NOIOMMU_GET_PA'],
    ['not when a uapi name must be missing and is', { uapi: ['!IOMMU_IOAS_NOIOMMU_GET_PA'] }, ALL, INTEL, undefined],
    ['without an IOMMU', { iommu: 'present' }, ALL, NO_IOMMU, 'no IOMMU on this machine'],
    ['with one', { iommu: 'none' }, ALL, INTEL, 'there is an IOMMU on this machine'],
    ['behind another IOMMU', { iommu: ['intel'] }, ALL, VIRTIO, 'the IOMMU of this machine is not intel'],
    ['behind an IOMMU without a trait', { iommu: ['intel', 'scalable'] }, ALL, INTEL, 'the IOMMU of this machine has no scalable'],
    ['behind an IOMMU with a trait', { iommu: ['!interrupt-remapping'] }, ALL, INTEL, 'the IOMMU of this machine has interrupt-remapping'],
    ['not where no IOMMU has the trait that must be missing', { iommu: ['!interrupt-remapping'] }, ALL, NO_IOMMU, undefined],
    ['where a trait is wanted and there is no IOMMU', { iommu: ['virtio'] }, ALL, NO_IOMMU, 'no IOMMU on this machine'],
    ['where no cdev is built', { access: 'cdev' }, without('VFIO_DEVICE_CDEV'), INTEL, 'VFIO_DEVICE_CDEV is not set'],
    ['where a cdev would need noiommu', { access: 'cdev' }, without('IOMMUFD_NOIOMMU'), NO_IOMMU, 'no VFIO cdev can exist: no IOMMU and IOMMUFD_NOIOMMU is not set'],
    ['not where noiommu gives a cdev', { access: 'cdev' }, without('VFIO_GROUP'), NO_IOMMU, undefined],
    ['where no group is built', { access: 'group' }, without('VFIO_GROUP'), NO_IOMMU, 'VFIO_GROUP is not set'],
    ['where a group would need noiommu', { access: 'group' }, without('VFIO_NOIOMMU', 'IOMMUFD_NOIOMMU'), NO_IOMMU, 'no VFIO group can exist: no IOMMU and VFIO_NOIOMMU is not set'],
    ['not where either door will do and there is one', { access: 'any' }, without('VFIO_GROUP'), INTEL, undefined],
    ['where no door is left', { access: 'any' }, without('VFIO_NOIOMMU', 'IOMMUFD_NOIOMMU'), NO_IOMMU, 'no VFIO device can exist: no IOMMU and VFIO_NOIOMMU is not set'],
    ['on a group-less kernel of before IOMMUFD_NOIOMMU', { access: 'any' }, without('VFIO_GROUP', 'IOMMUFD_NOIOMMU'), NO_IOMMU, 'no VFIO device can exist: no IOMMU, VFIO_GROUP is not set and IOMMUFD_NOIOMMU is not set'],
    ['where no door is built', { access: 'any' }, {}, INTEL, 'no VFIO device can be reached: neither VFIO_DEVICE_CDEV nor VFIO_GROUP is set'],
    ['where there must be no device and there can be one', { access: 'none' }, ALL, NO_IOMMU, 'a VFIO device can exist here'],
    ['not where there can be none', { access: 'none' }, without('VFIO_NOIOMMU', 'IOMMUFD_NOIOMMU'), NO_IOMMU, undefined],
    ['without a device that can', { device: ['fault-report'] }, ALL, VIRTIO, 'no device on this machine has fault-report'],
    ['without one device that can both', { device: ['io-bar', 'msi'] }, ALL, INTEL, 'no device on this machine has io-bar and msi'],
    ['not when one can', { device: ['dma-write', 'msi'] }, ALL, INTEL, undefined],
    ['without any device', { device: [] }, ALL, { iommu: [], devices: [], topology: [] }, 'no device of the lab on this machine'],
    ['without any device to reach', { access: 'any' }, ALL, { iommu: ['intel'], devices: [], topology: ['plugged-later'] }, 'no device of the lab on this machine'],
    ['not when the device comes later', { access: 'any', topology: ['plugged-later'] }, ALL, { iommu: ['intel'], devices: [], topology: ['plugged-later'] }, undefined],
    ['without a device of its kind', { deviceKind: 'iommu-testdev' }, ALL, VIRTIO, 'no iommu-testdev on this machine'],
    ['without the other device that it takes', { deviceKind: 'edu', besides: ['iommu-testdev'] }, ALL, VIRTIO, 'no iommu-testdev on this machine'],
    ['not for what the other device has not', { deviceKind: 'edu', device: ['msi'], besides: ['iommu-testdev'] }, ALL, INTEL, undefined],
    ['where the device of its kind has not what it asks for', { deviceKind: 'pci-testdev', device: ['msi'] }, ALL, INTEL, 'the pci-testdev of this machine has not msi'],
    ['where the device lacks it by its options', { deviceKind: 'nvme', device: ['sr-iov'] }, ALL, { ...INTEL, devices: ['nvme', 'igb'], without: { nvme: ['sr-iov'] } }, 'the nvme of this machine has not sr-iov'],
    ['not where another device has it', { device: ['sr-iov'] }, ALL, { ...INTEL, devices: ['nvme', 'igb'], without: { nvme: ['sr-iov'] } }, undefined],
    ['where none has it by its options', { device: ['sr-iov'] }, ALL, { ...INTEL, devices: ['nvme'], without: { nvme: ['sr-iov'] } }, 'no device on this machine has sr-iov'],
    ['without enough devices', { devices: 2 }, ALL, VIRTIO, 'this machine has 1 of the 2 devices that it takes'],
    ['without devices in such a place', { topology: ['one-group'] }, ALL, INTEL, 'no devices on this machine share a group by a bridge'],
    ['where the devices in such a place will not do', { topology: ['one-group'] }, ALL, { ...INTEL, topology: ['one-group'], unfit: { 'one-group': 'none writes' } }, 'none writes'],
    ['never for a privilege: the agent is root', { privilege: ['CAP_SYS_RAWIO'] }, ALL, INTEL, undefined],
  ])('%s', (_, needs, config, machine, because) => {
    expect(absence(needs, config, machine)).toBe(because)
  })

  test('by the uapi names of the tree and by nothing else', () => {
    const needs: Needs = { uapi: ['IOMMU_IOAS_NOIOMMU_GET_PA'] }
    expect(absence(needs, ALL, INTEL, ['IOMMU_IOAS_NOIOMMU_GET_PA'])).toBeUndefined()
    expect(absence({ uapi: ['!IOMMU_IOAS_NOIOMMU_GET_PA'] }, ALL, INTEL, ['IOMMU_IOAS_NOIOMMU_GET_PA'])).toBe('the tree\'s headers have IOMMU_IOAS_NOIOMMU_GET_PA')
  })
})

const symbols = ['IOMMUFD', 'VFIO_GROUP', 'VFIO_CONTAINER', 'VFIO_DEVICE_CDEV', 'VFIO_NOIOMMU', 'IOMMUFD_NOIOMMU'] as const
const traits = ['intel', 'virtio', 'interrupt-remapping', 'scalable'] as const satisfies readonly IommuTrait[]
const kinds = ['edu', 'pci-testdev', 'iommu-testdev'] as const satisfies readonly DeviceKind[]
const anyNeeds: fc.Arbitrary<Needs> = fc.record({
  config: fc.array(fc.tuple(fc.constantFrom('', '!'), fc.constantFrom(...symbols)).map((parts) => parts.join('')), { maxLength: 2 }),
  uapi: fc.array(fc.constantFrom('A', '!A', 'B'), { maxLength: 1 }),
  iommu: fc.oneof(fc.constantFrom('none' as const, 'present' as const), fc.array(fc.constantFrom(...traits), { maxLength: 2 })),
  access: fc.constantFrom('cdev', 'group', 'any', 'none'),
  device: fc.array(fc.constantFrom(...DEVICE_CAPABILITIES.edu), { maxLength: 2 }),
  deviceKind: fc.constantFrom(...kinds),
  devices: fc.integer({ min: 0, max: 4 }),
}, { requiredKeys: [] })
const anyCatalogue = fc.array(fc.tuple(fc.constantFrom('cdev', 'ioas', 'group'), anyNeeds), { minLength: 1, maxLength: 20 })
  .map((entries) => entries.map(([suite, needs], index) => aCase(`${suite}/c${index}`, needs)))
const anyKernel = fc.uniqueArray(fc.constantFrom(...symbols)).map((set) => kernelWith(Object.fromEntries(set.map((symbol) => [symbol, 'y'])), ['A']))
const anyMachine: fc.Arbitrary<MachineFacts> = fc.record({ iommu: fc.uniqueArray(fc.constantFrom(...traits)), devices: fc.array(fc.constantFrom(...kinds), { maxLength: 3 }), topology: fc.constant([]) })

describe('in every cell', () => {
  test('each case is planned or absent with a reason, never both, never neither; and the plan is the same each time', () => {
    fc.assert(fc.property(anyCatalogue, anyKernel, anyMachine, (catalogue, kernel, machine) => {
      const plan = planCases(someCell, kernel, machine, catalogue)
      const planned = plan.cases.map(({ id }) => id)
      const absent = plan.absent.map(({ id }) => id)
      expect([...planned, ...absent].toSorted()).toEqual(catalogue.map(({ id }) => id).toSorted())
      expect(plan.absent.every(({ because }) => because.length > 5)).toBe(true)
      expect(planCases(someCell, kernel, machine, catalogue)).toEqual(plan)
    }))
  })

  test('cases stand by suite, each suite in catalogue order', () => {
    fc.assert(fc.property(anyCatalogue, (catalogue) => {
      const needless = catalogue.map(({ id }) => aCase(id))
      const planned = planCases(someCell, kernelWith({}), NO_IOMMU, needless).cases
      const suites = planned.map(({ suite }) => suite)
      expect(suites.filter((suite, index) => suite !== suites[index - 1])).toEqual([...new Set(needless.map(({ suite }) => suite))])
      for (const suite of new Set(suites)) {
        expect(planned.filter((one) => one.suite === suite)).toEqual(needless.filter((one) => one.suite === suite))
      }
    }))
  })

  test('more devices never make a case absent that needs devices only', () => {
    const needs = fc.record({ device: fc.array(fc.constantFrom(...DEVICE_CAPABILITIES.edu), { maxLength: 2 }), devices: fc.integer({ min: 0, max: 3 }) })
    fc.assert(fc.property(needs, fc.array(fc.constantFrom(...kinds), { maxLength: 3 }), fc.constantFrom(...kinds), (wanted, devices, more) => {
      if (absence(wanted, {}, { iommu: [], devices, topology: [] }) === undefined) expect(absence(wanted, {}, { iommu: [], devices: [...devices, more], topology: [] })).toBeUndefined()
    }))
  })

  test('exactly one of "a door to a device" and "no door" is planned, and neither where there is no device', () => {
    fc.assert(fc.property(anyKernel, anyMachine, (kernel, machine) => {
      const plan = planCases(someCell, kernel, machine, [aCase('s/any', { access: 'any' }), aCase('s/none', { access: 'none' })])
      expect(plan.cases).toHaveLength(machine.devices.length === 0 ? 0 : 1)
    }))
  })
})

test('a kernel that was not built plans nothing', () => {
  const failed: FailedKernel = { status: 'build-failed', because: 'lost', lost: [], notAsked: [], facts: undefined, release: '', tail: [], warnings: [], buildMs: 0 }
  expect(planCases(someCell, failed, INTEL, [aCase('s/a')])).toMatchObject({ cases: [], absent: [], kernel: failed })
})
