import { expect, it } from 'vitest'
import { foldResults } from '../../../orchestrator/report/fold-results.ts'
import { rerunCommand } from '../../../orchestrator/report/rerun-command.ts'
import type { CellResult, Results } from '../../../orchestrator/verdict/results.ts'
import { fakeRun } from './fake-run.ts'

const run = foldResults(fakeRun())
const [base] = run.cells
if (base === undefined) throw new Error('the fake run is empty')
const patched: CellResult = { ...base, id: 'debian+patched/noiommu/none', kernel: { ...base.kernel, name: 'debian+patched', patches: ['one'] } }
const of = (cells: readonly CellResult[]): Results => ({ ...run, cells })
const source = { tree: '/my tree', patches: ['a.mbox', 'b.patch'] }

it('says tree and patches again', () => {
  expect(rerunCommand(of([patched]), patched, 'cdev/open', source))
    .toBe("./lab run --tree '/my tree' --patch a.mbox --patch b.patch --config noiommu --machine none --case cdev/open")
})

it('of a kernel that patches were held against says no patches', () => {
  expect(rerunCommand(of([base, patched]), base, undefined, source)).toBe("./lab run --tree '/my tree' --config noiommu --machine none")
  expect(rerunCommand(of([base, patched]), patched, undefined, source)).not.toContain('--kernel')
})

it('of one state of a series says which', () => {
  const states = [1, 2].map((n): CellResult => ({ ...patched, kernel: { ...patched.kernel, name: `debian+${n}` } }))
  expect(rerunCommand(of(states), states[1] ?? patched, undefined, { patches: ['a.mbox'], each: true }))
    .toBe('./lab run --patch a.mbox --each --kernel debian+2 --config noiommu --machine none')
})

it('names the kernel where there are several', () => {
  const other = { ...base, kernel: { ...base.kernel, name: 'other' } }
  expect(rerunCommand(of([base, other]), other, undefined, { patches: [] })).toBe('./lab run --kernel other --config noiommu --machine none')
})
