import { expect, test } from 'vitest'
import { defineCase, suite } from '../../../guest-agent/case/define-case.ts'
import { findCases } from '../../../guest-agent/case/find-cases.ts'
import { DEVICE_CAPABILITIES, DEVICE_KINDS, type DeviceCapability, type DeviceKind } from '../../../guest-agent/protocol.ts'
import { catalogue } from '../../../guest-agent/suites/index.ts'
import { IOCTLS } from '../../../guest-agent/uapi/ioctls.ts'

const named = (name: string, provokes: readonly string[] = []) =>
  defineCase({ name, title: 'a title', covers: { ioctls: [], sources: [] }, provokes, run: () => undefined })

test('two cases with one id are refused', () => {
  expect(() => suite('a', [named('x'), named('x')])).toThrow('two cases have the id a/x')
})

test('an id that people could not link to is refused', () => {
  expect(() => suite('a', [named('Not so')])).toThrow('a/Not so: a case id is suite/name')
})

test('what a case provokes must be a regular expression', () => {
  expect(() => suite('a', [named('x', ['('])])).toThrow(SyntaxError)
})

test('cases are found in the order in which they were asked for, an unknown one is an error', () => {
  const cases = suite('a', [named('x'), named('y')])
  expect(findCases(cases, ['a/y', 'a/x']).map(({ info }) => info.id)).toEqual(['a/y', 'a/x'])
  expect(() => findCases(cases, ['a/z'])).toThrow('there is no case a/z')
})

test('every case covers ioctls that exist and sources of the kernel', () => {
  for (const { info: { id, covers } } of catalogue) {
    expect.soft(covers.ioctls.filter((name) => !Object.hasOwn(IOCTLS, name)), `${id} covers ioctls that are unknown`).toEqual([])
    expect.soft(covers.sources.filter((path) => !/^[a-z0-9/_-]+\.[ch]$|Kconfig$/.test(path)), `${id} covers odd sources`).toEqual([])
    expect.soft(covers.sources.length, `${id} covers no source`).toBeGreaterThan(0)
  }
})

test('cases that are about times run on request only', () => {
  const timed = catalogue.filter(({ info }) => info.timed === true)
  expect(timed.length).toBeGreaterThan(0)
  expect(timed.filter(({ info }) => info.onRequest !== true).map(({ info }) => info.id)).toEqual([])
})

test('no case needs a device that the lab does not have', () => {
  const kinds = Object.values(DEVICE_CAPABILITIES)
  for (const { info: { id, needs } } of catalogue) {
    const wanted = needs.device ?? []
    expect.soft(kinds.some((has) => wanted.every((capability) => has.includes(capability))), id).toBe(true)
  }
})

test('every capability that a kind of device claims is exercised on it, wherever a VFIO device can be', () => {
  for (const kind of DEVICE_KINDS) {
    for (const capability of DEVICE_CAPABILITIES[kind]) {
      const isOnlyOne = DEVICE_KINDS.every((other) => other === kind || !DEVICE_CAPABILITIES[other].includes(capability))
      const cases = catalogue.filter(({ info: { needs } }) => (needs.deviceKind === kind || isOnlyOne) && needs.device?.includes(capability))
      expect.soft(cases.map(({ info }) => info.id), `no case asks ${kind} for ${capability}`).not.toEqual([])
      // What is kept of translations, asked of pages or numbered by PASIDs needs an IOMMU that lets devices do so.
      if (['ats', 'ats-counters', 'page-requests', 'pasid'].includes(capability)) continue
      // Without an IOMMU no queue can be out of reach.
      const anywhere = cases.filter(({ info: { needs } }) => needs.access === 'any' && (needs.iommu === undefined || capability === 'queue-fault'))
      expect.soft(anywhere.map(({ info }) => info.id), `no case asks ${kind} for ${capability} behind every IOMMU and none, by either door`).not.toEqual([])
    }
  }
})

test('what a kind of device lacks is looked for in vain: interrupts where it has none, a reset where nothing can reset it', () => {
  const ids = catalogue.map(({ info }) => info.id)
  // Of a user's device nobody knows what it lacks.
  const lacks = (kind: DeviceKind, capabilities: readonly DeviceCapability[]) => kind !== 'vfio-user' && !capabilities.some((each) => DEVICE_CAPABILITIES[kind].includes(each))
  for (const kind of DEVICE_KINDS) {
    expect.soft(ids.includes(`device-irq/absent-${kind}`), kind).toBe(lacks(kind, ['intx', 'msi', 'msix']))
    expect.soft(ids.includes(`device-reset/absent-${kind}`), kind).toBe(lacks(kind, ['reset']))
  }
})
