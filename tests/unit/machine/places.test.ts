import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TOPOLOGIES } from '../../../guest-agent/protocol.ts'
import { LabError } from '../../../orchestrator/host/errors.ts'
import { edu, igb, nvme, pciTestdev, vfioUserDma } from '../../../orchestrator/machine/devices.ts'
import { machineArgs } from '../../../orchestrator/machine/machine-args.ts'
import type { PlaceSpec } from '../../../orchestrator/machine/machine-spec.ts'
import { multifunction, oneGroup, placeProblem } from '../../../orchestrator/machine/places.ts'
import { goldenOffer } from './golden-offer.ts'

const argsOf = (place: PlaceSpec) => machineArgs({ name: 'mine', devices: [place], memoryMiB: 512, cpus: 1, onRequest: true }, goldenOffer('11.1'))
const errorOf = (call: () => unknown): unknown => {
  try {
    return call()
  } catch (error) {
    return error
  }
}

test.each<readonly [string, PlaceSpec, RegExp]>([
  ['nobody', { kind: 'multifunction', devices: [] }, /name the devices/],
  ['nine functions', { kind: 'multifunction', devices: Array.from({ length: 9 }, () => edu()) }, /9 devices, and there is room for 8/],
  ['PCI Express behind a conventional bridge', { kind: 'one-group', devices: [pciTestdev(), igb()] }, /igb is a device of PCI Express/],
  ['two at one port', { kind: 'plugged-later', devices: [edu(), edu()] }, /2 devices, and there is room for 1/],
  ['a program among functions', { kind: 'multifunction', devices: [edu(), vfioUserDma()] }, /vfio-user-dma stands behind a root port of its own/],
])('a place written by hand with %s is refused before QEMU is started, as one of a function is', (_, place, words) => {
  expect(placeProblem(place)).toMatch(words)
  expect(errorOf(() => argsOf(place))).toMatchObject({ kind: 'yours', code: 'BAD_MACHINE', message: expect.stringMatching(words) as string })
})

test('a function of a place says its own name', () => {
  expect(errorOf(() => oneGroup(nvme()))).toMatchObject({ message: expect.stringMatching(/^oneGroup\(\): nvme is a device of PCI Express/) as string })
  expect(errorOf(() => multifunction())).toMatchObject({ message: 'multifunction(): name the devices that stand there' })
})

test('whatever stands in a place, there is an argv or an error of the user', () => {
  const device = fc.constantFrom(edu(), pciTestdev(), nvme(), igb(), vfioUserDma())
  fc.assert(fc.property(fc.constantFrom(...TOPOLOGIES), fc.array(device, { maxLength: 40 }), (kind, devices) => {
    const made = errorOf(() => argsOf({ kind, devices }))
    if (made instanceof Error) expect(made instanceof LabError && made.kind === 'yours' && made.code === 'BAD_MACHINE', String(made)).toBe(true)
    else expect(placeProblem({ kind, devices })).toBeUndefined()
  }))
})
