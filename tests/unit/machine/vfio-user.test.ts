import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEVICE_CAPABILITIES, TOPOLOGIES } from '../../../guest-agent/protocol.ts'
import { catalogue } from '../../../guest-agent/suites/index.ts'
import { dmaOptions, type DmaOptionsInput } from '../../../images/devices/vfio-user-dma/options.ts'
import { edu, vfioUser, vfioUserDma } from '../../../orchestrator/machine/devices.ts'
import { intelIommu, virtioIommu } from '../../../orchestrator/machine/iommus.ts'
import { machineArgs } from '../../../orchestrator/machine/machine-args.ts'
import { machineFacts } from '../../../orchestrator/machine/machine-facts.ts'
import type { DeviceSpec, MachineSpec } from '../../../orchestrator/machine/machine-spec.ts'
import { behindSwitch, behindSwitchFunctions, bypassingIommu, multifunction, oneGroup, pluggedLater } from '../../../orchestrator/machine/places.ts'
import { unmetNeed } from '../../../orchestrator/plan/unmet-need.ts'
import { errorOf } from './error-of.ts'
import { goldenOffer } from './golden-offer.ts'

const offer = goldenOffer('11.1')
const machine = (devices: MachineSpec['devices'], iommu: MachineSpec['iommu'] = virtioIommu()): MachineSpec =>
  ({ name: 'm', iommu, devices, memoryMiB: 512, cpus: 1, onRequest: false })
const adder = vfioUser('/lab/adder.ts', { gain: 3 })

describe('a device that a program of its own plays', () => {
  test('has a port in QEMU\'s argv, and is named for whoever starts its program', () => {
    const { qemu, served } = machineArgs(machine([edu(), adder, vfioUserDma()]), offer)
    expect(qemu.filter((word) => word.includes('port1') || word.includes('vfio-user'))).toEqual(['pcie-root-port,id=port1,chassis=2,slot=2,bus=pcie.0,addr=9'])
    expect(served).toEqual([
      { id: 'device1', bus: 'port1', device: { kind: 'vfio-user', file: '/lab/adder.ts', options: { gain: 3 } } },
      { id: 'device2', bus: 'port2', device: { kind: 'vfio-user-dma', options: dmaOptions.parse({}) } },
    ])
  })

  test.each<readonly [string, (device: DeviceSpec) => unknown]>([
    ['oneGroup', oneGroup], ['multifunction', multifunction], ['behindSwitch', behindSwitch], ['behindSwitchFunctions', behindSwitchFunctions],
    ['bypassingIommu', bypassingIommu], ['pluggedLater', pluggedLater],
  ])('stands in no %s()', (name, place) => {
    for (const device of [adder, vfioUserDma()]) {
      expect(errorOf(() => place(device))).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE', message: `${name}(): ${device.kind} stands behind a root port of its own, and so beside the places` })
    }
  })

  test.each(TOPOLOGIES)('stands in no place %s that a config made by itself either', (kind) => {
    expect(errorOf(() => machineArgs(machine([{ kind, devices: [adder] }]), offer))).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE' })
  })

  test.each([adder, vfioUserDma()])('wants to be told of mappings: $kind', (device) => {
    expect(errorOf(() => machineArgs(machine([device], intelIommu()), offer))).toMatchObject({
      kind: 'yours', code: 'BAD_MACHINE', message: `machine m: QEMU tells ${device.kind} of mappings, which intel-iommu does only in caching mode`,
    })
  })

  test('is not to be had from an older QEMU', () => {
    expect(errorOf(() => machineArgs(machine([adder]), goldenOffer('10.0')))).toMatchObject({ code: 'QEMU_LACKS', message: 'machine m: QEMU 10.0.13 has no device vfio-user-pci' })
  })
})

describe('what a config says wrongly of one', () => {
  test.each<readonly [string, () => unknown, string]>([
    // @ts-expect-error: it is addressBits
    ['an unknown option', () => vfioUserDma({ adressBits: 32 }), 'vfioUserDma(): unknown option adressBits; did you mean addressBits?'],
    // @ts-expect-error: it is large
    ['an unknown option below', () => vfioUserDma({ bars: { larg: {} } }), 'vfioUserDma(): bars: Unrecognized key: "larg"'],
    ['a number out of range', () => vfioUserDma({ addressBits: 65 }), 'vfioUserDma(): addressBits: Too big: expected number to be <=64'],
    ['options that exclude each other', () => vfioUserDma({ express: false, ats: true }), 'vfioUserDma(): ats, pasidBits and what is broken of the extended capabilities need express'],
    ['no file', () => vfioUser(''), "vfioUser(): it takes the file of the device: vfioUser('./device.ts')"],
    // @ts-expect-error: a list is no object
    ['a list as options', () => vfioUser('./a.ts', [1]), "vfioUser('./a.ts'): the options must be a JSON object"],
    // @ts-expect-error: nor is a word
    ['a word as options', () => vfioUser('./a.ts', 'fast'), "vfioUser('./a.ts'): the options must be a JSON object"],
    // @ts-expect-error: a function is no JSON
    ['a function among the options', () => vfioUser('./a.ts', { onRead: () => 1 }), "vfioUser('./a.ts'): the options must be a JSON object, and onRead is no JSON"],
    ['a number that JSON has not', () => vfioUser('./a.ts', { gain: NaN }), "vfioUser('./a.ts'): the options must be a JSON object, and gain is no JSON"],
  ])('%s', (_, call, message) => {
    expect(errorOf(call)).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE', message })
  })
})

describe('the plan', () => {
  const onRequest = ['many-vectors', 'pasid']
  test.each<readonly [DmaOptionsInput, readonly string[] | undefined]>([
    [{}, onRequest],
    [{ addressBits: 63 }, ['dma-64', ...onRequest]],
    [{ addressBits: 20, beyond: 'cut' }, ['dma-write', 'dma-read', 'fault-report', 'dma-64', ...onRequest]],
    [{ bars: { large: { bytes: 0 }, sparse: false } }, ['large-bar', 'sparse-bar', ...onRequest]],
    [{ bars: { large: { mmap: true }, small: false } }, ['large-bar', 'small-bars', ...onRequest]],
    [{ interrupts: { intx: false, msi: 0, msix: 0 } }, ['intx', 'msi', 'msix', ...onRequest]],
    [{ interrupts: { msi: 32, msix: 64 } }, onRequest],
    [{ interrupts: { msix: 256 } }, ['msix', 'pasid']],
    [{ flr: false }, ['flr-count', ...onRequest]],
    [{ express: false }, ['flr-count', ...onRequest]],
    [{ ats: true, pasidBits: 20, goneAfterResetMs: 10, broken: ['vendor-empty'] }, ['many-vectors']],
    [{ pasidBits: 19 }, onRequest],
  ])('of %j knows what is not there', (options, lacked) => {
    expect(machineFacts(machine([vfioUserDma(options)])).without?.['vfio-user-dma']).toEqual(lacked)
  })

  test('knows the slots that the ports of a user\'s devices stand in', () => {
    expect(machineFacts(machine([adder, oneGroup(edu()), vfioUserDma(), adder])).vfioUserSlots).toEqual([8, 11])
    expect(machineFacts(machine([edu(), vfioUserDma()]))).not.toHaveProperty('vfioUserSlots')
  })

  const kernel = { config: { VFIO_DEVICE_CDEV: 'y', VFIO_GROUP: 'y' }, uapi: [] }
  const anyOptions: fc.Arbitrary<DmaOptionsInput> = fc.record({
    addressBits: fc.integer({ min: 12, max: 64 }),
    bars: fc.record({ large: fc.record({ bytes: fc.constantFrom(0, 4096, 2 ** 36), mmap: fc.boolean() }, { requiredKeys: [] }), sparse: fc.boolean(), small: fc.boolean() }, { requiredKeys: [] }),
    interrupts: fc.record({ intx: fc.boolean(), msi: fc.constantFrom(0, 1, 32), msix: fc.integer({ min: 0, max: 256 }) }, { requiredKeys: [] }),
    express: fc.boolean(),
    flr: fc.boolean(),
  }, { requiredKeys: [] })

  test('asks the programmable device for nothing that its options took away, and says which it is', () => {
    const own = catalogue.filter(({ info: { needs } }) => needs.deviceKind === 'vfio-user-dma').map(({ info }) => info.needs)
    expect(own.length).toBeGreaterThan(15)
    fc.assert(fc.property(anyOptions, (options) => {
      const facts = machineFacts(machine([vfioUserDma(options)]))
      const gone = facts.without?.['vfio-user-dma'] ?? []
      expect(DEVICE_CAPABILITIES['vfio-user-dma']).toEqual(expect.arrayContaining([...gone]))
      for (const needs of own) {
        const because = unmetNeed({ ...needs, iommu: 'present' }, kernel, facts)
        if (needs.device?.some((capability) => gone.includes(capability)) === true) expect(because).toMatch(/^the vfio-user-dma of this machine has not /)
        else expect(because).toBeUndefined()
      }
    }))
  })

  test('asks a user\'s device for what every device can do, and for no interrupt that it may lack or have', () => {
    const facts = machineFacts(machine([adder]))
    const planned = catalogue.map(({ info }) => info).filter(({ needs }) => unmetNeed(needs, kernel, facts) === undefined).map(({ id }) => id)
    expect(planned).toEqual(expect.arrayContaining(['device-identity/vfio-user', 'device-reset/reset-vfio-user', 'config-space/identity', 'irq-info/counts', 'hot-reset/cdev']))
    expect(planned.filter((id) => /^device-(irq|dma)\//.test(id))).toEqual([])
  })
})
