import { describe, expect, test } from 'vitest'
import { KCONFIG_CASES, kconfigCase } from '../../../orchestrator/plan/kconfig-cases.ts'
import { planCases } from '../../../orchestrator/plan/plan-cases.ts'
import { wantsGuests } from '../../../orchestrator/plan/wants-guests.ts'
import { unbuilt } from '../verdict/made-up-cell.ts'
import { aCase, kernelWith, NO_IOMMU, someCell } from './made-up-lab.ts'

const other = { ...someCell, id: 'debian/noiommu/intel' }
const catalogueIn = (cell: typeof someCell) => [aCase('ioas/map'), ...KCONFIG_CASES].map((info) => kconfigCase(info, cell, someCell))

describe('the rows of the Kconfig table', () => {
  test('are planned in the first cell of their kernel, and absent from the others', () => {
    const choice = { suite: 'kconfig' }
    expect(planCases(someCell, kernelWith({}), NO_IOMMU, catalogueIn(someCell), choice).cases.map(({ id }) => id)).toEqual(KCONFIG_CASES.map(({ id }) => id))
    const plan = planCases(other, kernelWith({}), NO_IOMMU, catalogueIn(other), choice)
    expect(plan.cases).toEqual([])
    expect(plan.absent[0]).toEqual({ id: KCONFIG_CASES[0]?.id, because: 'it is put to the tree once: in debian/noiommu/none' })
  })

  test('are planned though the cell\'s own kernel is not built', () => {
    expect(planCases(someCell, unbuilt, NO_IOMMU, catalogueIn(someCell), { all: true }).cases.map(({ suite }) => suite)).toEqual(KCONFIG_CASES.map(() => 'kconfig'))
  })

  test('are absent where there is no tree', () => {
    const prebuilt = { ...someCell, kernel: { ...someCell.kernel, source: { kind: 'debian-image', packageGlob: 'linux-image-*' } as const } }
    expect(kconfigCase(KCONFIG_CASES[0] ?? aCase('none/none'), prebuilt, prebuilt).unfit).toBe('a prebuilt kernel comes without its Kconfig files')
  })

  test('need no guest, and nothing compiled, when nothing else is asked for', () => {
    const config = { suites: ['native'], programs: [] }
    const catalogue = [aCase('ioas/map'), ...KCONFIG_CASES]
    expect(wantsGuests(catalogue, config, { suite: 'kconfig' })).toBe(false)
    expect(wantsGuests(catalogue, config, { case: 'cdev-alone' })).toBe(false)
    expect(wantsGuests(catalogue, config, {})).toBe(true)
    expect(wantsGuests(catalogue, config, { all: true })).toBe(true)
    expect(wantsGuests(catalogue, { ...config, programs: [{ kind: 'kselftest', folder: 'vfio' }] }, { suite: '*' })).toBe(true)
  })
})
