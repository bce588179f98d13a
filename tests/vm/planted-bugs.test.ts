import { afterAll, expect } from 'vitest'
import { z } from 'zod'
import { caseInfo } from '../../orchestrator/vm/case-info.ts'
import { needsAts, needsFaultInjection, type PlantedBug, plantedBugs, pointsAt } from '../bugs/bug-header.ts'
import { callLab, callLabRun } from '../lab-process.ts'
import { campaign } from './campaign.ts'
import { kernelTree } from './kernel-tree.ts'

/**
 * The lab must tell a broken kernel: each bug gives exit 1 and a failing case that covers the ioctl of the bug's header, or its file; and it must
 * point there: at most three suites fail. One cell of each bug is enough; that the same cases pass without the bug is what the default matrix shows.
 */
const tree = await kernelTree('linux-source-7.3')
afterAll(() => tree[Symbol.asyncDispose]())

const { stdout } = await callLab(['list', '--json'])
const covers = new Map(z.array(caseInfo).parse(JSON.parse(stdout)).map((info) => [info.id, info.covers]))

/** A bug that more suites fail for is so coarse that finding it shows nothing. */
const MOST_SUITES = 3
/** It spoils a count that every case is held against. */
const SHOWS_EVERYWHERE = '06-unmap-leaks-pinned'

const isFound = async (bug: PlantedBug): Promise<void> => {
  await using _ = await tree.patched(bug.patch)
  const [config, machine] = (bug.cells[0] ?? '').split('/')
  const { exitCode, results, stderr } = await callLabRun(['--tree', tree.dir, '--config', String(config), '--machine', String(machine), ...(bug.suite === undefined ? [] : ['--suite', bug.suite])])
  expect(stderr).toBe('')
  expect(exitCode).toBe(1)
  const unexpected = results?.cells.flatMap((cell) => cell.cases.filter((one) => one.unexpected)) ?? []
  const failing = unexpected.map(({ id }) => id).join(', ')
  const pointing = unexpected.filter(({ id }) => {
    const covered = covers.get(id)
    return covered !== undefined && pointsAt(bug, covered)
  })
  expect(pointing, `of the failing cases (${failing}) none covers ${[...bug.ioctls, bug.file].join(' or ')}`).not.toEqual([])
  const suites = [...new Set(unexpected.map(({ suite }) => suite))]
  console.info(`${bug.name}: fails in ${suites.join(', ')}`)
  if (bug.name !== SHOWS_EVERYWHERE) expect(suites.length, `more than ${MOST_SUITES} suites fail: ${suites.join(', ')}`).toBeLessThanOrEqual(MOST_SUITES)
}

/** In this config both of the kernel's own suites can run, behind an IOMMU and with a device that they have a driver for. */
const SELFTESTS = ['--config', 'iommufd-test', '--machine', 'intel', '--suite', 'selftests-*']

/** What the kernel's own selftests find of it is told beside what the lab finds; nobody expects anything of it but an answer. */
const isTold = async (bug: PlantedBug): Promise<void> => {
  await using _ = await tree.patched(bug.patch)
  const { exitCode, results, stderr } = await callLabRun(['--tree', tree.dir, ...SELFTESTS])
  expect(stderr).toBe('')
  expect([0, 1]).toContain(exitCode)
  expect(results?.summary.ran).toBeGreaterThan(0)
  const failing = results?.cells.flatMap(({ cases }) => cases.filter(({ unexpected }) => unexpected).map(({ id }) => id)) ?? []
  console.info(`${bug.name}: the kernel's selftests find ${failing.length === 0 ? 'nothing' : `it in ${failing.length} of ${results?.summary.ran ?? 0}: ${failing.join(', ')}`}`)
}

await campaign({ name: 'planted bug is found', items: plantedBugs().filter((bug) => !needsAts(bug) && !needsFaultInjection(bug)), sample: 2, check: isFound })
await campaign({ name: 'planted bug is found where memory is short', items: plantedBugs().filter(needsFaultInjection), sample: 0, check: isFound })
// A QEMU is built for these: ten minutes by itself.
await campaign({ name: 'planted bug is found by a device that keeps translations', items: plantedBugs().filter(needsAts), sample: 0, check: isFound })
await campaign({ name: "planted bug before the kernel's own selftests", items: plantedBugs().filter((bug) => !needsAts(bug) && !needsFaultInjection(bug)), sample: 0, check: isTold })
