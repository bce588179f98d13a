import { describe, expect, test } from 'vitest'
import type { Selftests } from '../../../orchestrator/kernel/selftests.ts'
import { flawOf, HOLLOW_CASES, KNOWN_FAILURES, withKnownFailure } from '../../../orchestrator/plan/known-flaws.ts'
import { planCases } from '../../../orchestrator/plan/plan-cases.ts'
import { programCases, type ReadySuite } from '../../../orchestrator/plan/program-cases.ts'
import { selectCases } from '../../../orchestrator/plan/select-cases.ts'
import { wantedPrograms } from '../../../orchestrator/plan/wanted-programs.ts'
import type { MachineFacts } from '../../../orchestrator/machine/machine-spec.ts'
import { aCase, kernelWith, someCell } from './made-up-lab.ts'

const NOW = Date.parse('2026-11-28')
const INTEL: MachineFacts = { iommu: ['intel', 'interrupt-remapping'], devices: ['edu', 'nvme', 'igb'], topology: [], without: { nvme: ['sr-iov'] } }
const CONFIG = { IOMMUFD: 'y', VFIO_GROUP: 'y', IOMMUFD_VFIO_CONTAINER: 'y', VFIO_DEVICE_CDEV: 'y' }

const one = (fixture: string, variant: string, name: string) => ({ fixture, variant, test: name })
const built = (programs: Selftests['programs'], rest: Partial<Selftests> = {}): Selftests =>
  ({ status: 'built', folder: '/store', programs, config: [], sources: ['lib/drivers/igb/igb.c'], ...rest })
const selftests = (folder: string, outcome: Extract<ReadySuite, { selftests: unknown }>['selftests']): ReadySuite =>
  ({ suite: { kind: 'kselftest', folder }, selftests: outcome })

const VFIO = built([
  { name: 'vfio_dma_mapping_mmio_test', tests: [one('m', 'vfio_type1_iommu', 'map'), one('m', 'iommufd', 'map')] },
  { name: 'vfio_dma_mapping_test', tests: [one('d', 'iommufd_anonymous_hugetlb_1gb', 'dma_map_unmap')] },
  { name: 'vfio_pci_driver_test', tests: [one('v', 'iommufd', 'memcpy')] },
  { name: 'vfio_pci_sriov_uapi_test', tests: [one('s', 'iommufd_same_uuid', 'init')] },
  { name: 'no_harness', tests: undefined },
])

const planned = (ready: ReadySuite, { config = CONFIG, machine = INTEL }: { config?: Readonly<Record<string, string>>; machine?: MachineFacts } = {}) => {
  const kernel = kernelWith(config)
  const cases = programCases(ready, { kernel: kernel.facts, machine, now: NOW })
  const suite = cases[0]?.suite ?? ''
  return planCases(someCell, kernel, machine, cases, { suites: [suite], suite })
}
const absent = (...args: Parameters<typeof planned>) => Object.fromEntries(planned(...args).absent.map(({ id, because }) => [id.replace(/^.*\//, ''), because]))

describe('the cases of selftests/vfio', () => {
  test('are those of its programs, each with all that it takes to run it alone', () => {
    const { cases } = planned(selftests('vfio', VFIO))
    expect(cases.map(({ id }) => id)).toEqual([
      'selftests-vfio/vfio_dma_mapping_mmio_test.m.iommufd.map',
      'selftests-vfio/vfio_dma_mapping_test.d.iommufd_anonymous_hugetlb_1gb.dma_map_unmap',
      'selftests-vfio/vfio_pci_driver_test.v.iommufd.memcpy',
      'selftests-vfio/vfio_pci_sriov_uapi_test.s.iommufd_same_uuid.init',
      'selftests-vfio/no_harness',
    ])
    expect(cases[1]).toMatchObject({
      caveat: 'its check of the page table is off: INTEL_IOMMU_DEBUGFS is not set',
      program: { argv: ['vfio_dma_mapping_test', '-r', 'd.iommufd_anonymous_hugetlb_1gb.dma_map_unmap'], environment: { VFIO_SELFTESTS_BDF: '{bdf}' }, device: 'igb', gigaPage: true, memoryMiB: 4096, test: 'd.iommufd_anonymous_hugetlb_1gb.dma_map_unmap' },
    })
    expect(cases[3]?.program).toMatchObject({ sriov: true, device: 'igb' })
    expect(cases[4]?.program).toMatchObject({ argv: ['no_harness'] })
    expect(cases[4]?.program?.test).toBeUndefined()
  })

  test('are absent where the cell lacks what they need, with the reason', () => {
    expect(absent(selftests('vfio', VFIO))).toEqual({ 'vfio_dma_mapping_mmio_test.m.vfio_type1_iommu.map': 'VFIO_CONTAINER is not set' })
    expect(absent(selftests('vfio', VFIO), { machine: { ...INTEL, devices: ['edu'] } })).toMatchObject({
      'vfio_pci_driver_test.v.iommufd.memcpy': 'no igb on this machine',
      'vfio_pci_sriov_uapi_test.s.iommufd_same_uuid.init': 'the edu of this machine has not sr-iov',
    })
    expect(absent(selftests('vfio', { ...VFIO, sources: [] }))).toMatchObject({
      'vfio_pci_driver_test.v.iommufd.memcpy': 'the selftests of this tree have no driver for a device that QEMU has',
    })
    expect(absent(selftests('vfio', VFIO), { machine: { ...INTEL, iommu: [] } })['vfio_pci_driver_test.v.iommufd.memcpy']).toBe('no IOMMU on this machine')
  })
})

describe('the cases of selftests/iommu', () => {
  const iommu = built([{ name: 'iommufd', tests: [
    one('iommufd_viommu', 'no_viommu', 'hw_queue'), one('iommufd_ioas', 'mock_domain', 'dmabuf_simple'), one('iommufd_mock_domain', 'one_domain_hugepage', 'all_aligns'),
  ] }], { config: ['IOMMUFD_TEST'] })

  test('are absent without the symbols that the suite asks for', () => {
    expect(planned(selftests('iommu', iommu)).cases).toEqual([])
    expect(absent(selftests('iommu', iommu))['iommufd.iommufd_ioas.mock_domain.dmabuf_simple']).toBe('IOMMUFD_TEST is not set')
  })

  test('that can only skip or do nothing are absent, and a known failure is known until its day', () => {
    const { cases } = planned(selftests('iommu', iommu), { config: { ...CONFIG, IOMMUFD_TEST: 'y' } })
    expect(cases.map((info) => withKnownFailure(info, INTEL, NOW)).map(({ id, knownFailure }) => [id, knownFailure !== undefined])).toEqual([['selftests-iommu/iommufd.iommufd_ioas.mock_domain.dmabuf_simple', true]])
    expect(absent(selftests('iommu', iommu), { config: { ...CONFIG, IOMMUFD_TEST: 'y' } })).toEqual({
      'iommufd.iommufd_viommu.no_viommu.hw_queue': 'it skips itself in the variant without a vIOMMU',
      'iommufd.iommufd_mock_domain.one_domain_hugepage.all_aligns': 'its body maps nothing with huge pages: its inner loop starts at its end',
    })
  })
})

test('every known flaw ends on a day of this or the next years', () => {
  for (const { match, until } of [...KNOWN_FAILURES, ...HOLLOW_CASES]) {
    expect(Date.parse(until)).toBeGreaterThan(NOW)
    expect(Date.parse(until)).toBeLessThan(NOW + 2 * 365 * 24 * 3600 * 1000)
    expect(match.test('ioas/map')).toBe(false)
  }
  const [first] = KNOWN_FAILURES
  const id = 'selftests-iommu/iommufd.iommufd_ioas.no_domain.dmabuf_revoke'
  expect(flawOf(KNOWN_FAILURES, id, Date.parse(first?.until ?? ''))).toBe(first)
  expect(flawOf(KNOWN_FAILURES, id, Date.parse(first?.until ?? '') + 2 * 24 * 3600 * 1000)).toBeUndefined()
})

test('a suite that does not compile is one case that cannot be tried, one that has no tree is absent', () => {
  expect(planned(selftests('vfio', { status: 'failed', because: 'a.c:1:1: error: no', tail: [] })).cases).toMatchObject([{ id: 'selftests-vfio/build', broken: { because: 'a.c:1:1: error: no' } }])
  expect(planned(selftests('vfio', { status: 'missing', because: 'no tree' })).absent).toEqual([{ id: 'selftests-vfio/build', because: 'no tree' }])
})

test('a program of the user is one case, with the first device of the machine where it asks for one', () => {
  const suite = { kind: 'program', name: 'mine', run: ['./mine', '{bdf}'], output: 'tap' } as const
  expect(planned({ suite, folder: '/lab', files: ['mine'] }).cases).toMatchObject([{ id: 'mine/run', needs: { access: 'any' }, program: { folder: '/lab', device: 'edu', argv: ['./mine', '{bdf}'], output: 'tap' } }])
  expect(planned({ suite: { ...suite, run: ['./mine'] }, folder: '/lab', files: ['mine'] }, { config: {} }).cases).toMatchObject([{ id: 'mine/run', needs: {} }])
})

describe('suites of programs', () => {
  const programs = [{ kind: 'kselftest', folder: 'vfio' }, { kind: 'program', name: 'mine', run: ['./mine'], output: 'ktap' }] as const
  test.each([
    [{}, []],
    [{ suite: 'selftests-*' }, ['kselftest']],
    [{ suite: 'native' }, []],
    [{ all: true }, ['kselftest', 'program']],
    [{ case: 'selftests-vfio/vfio_pci' }, ['kselftest']],
    [{ case: 'vfio' }, []],
  ])('are asked for by %j', (filter, kinds) => {
    expect(wantedPrograms(programs, filter).map(({ kind }) => kind)).toEqual(kinds)
  })

  test('are among the names that a wrong one is held against', () => {
    expect(() => selectCases([aCase('ioas/map')], ['native'], { suite: 'selftest-vfio' }, ['selftests-vfio'])).toThrow('did you mean selftests-vfio?')
  })
})
