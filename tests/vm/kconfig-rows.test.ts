import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { callLabRun, temporaryDir } from '../lab-process.ts'
import { kernelTree } from './kernel-tree.ts'

/** The suite kconfig on a real tree, whole and broken: Kconfig alone runs. */
const tree = await kernelTree('linux-source-7.3')
afterAll(() => tree[Symbol.asyncDispose]())

const ROWS = ['group-and-container', 'group-without-container', 'group-container-and-cdev', 'group-and-cdev-without-container', 'cdev-alone', 'no-door']

const judge = async (patch?: string) => {
  await using dir = await temporaryDir()
  await using stack = new AsyncDisposableStack()
  if (patch !== undefined) {
    await writeFile(join(dir.path, 'break.patch'), patch)
    stack.use(await tree.patched(join(dir.path, 'break.patch')))
  }
  const { exitCode, results } = await callLabRun(['--tree', tree.dir, '--suite', 'kconfig', '--config', 'noiommu', '--machine', 'none', '--accel', 'tcg'])
  const [cell] = results?.cells ?? []
  return { exitCode, status: cell?.status, boots: cell?.timings.bootMs, cases: cell?.cases ?? [] }
}

/** The container that a group must have is no longer asked for: the combination that 7.3 took away is back. */
const WITHOUT_CONTAINER = `--- a/drivers/vfio/Kconfig
+++ b/drivers/vfio/Kconfig
@@ -62,5 +62,4 @@
 config VFIO_NOIOMMU
 	bool "VFIO No-IOMMU support"
 	depends on VFIO_GROUP || (VFIO_DEVICE_CDEV && !GENERIC_ATOMIC64)
-	depends on !VFIO_GROUP || VFIO_CONTAINER || IOMMUFD_VFIO_CONTAINER
 	select IOMMUFD_NOIOMMU if VFIO_DEVICE_CDEV && !GENERIC_ATOMIC64
`

/** Nobody can have it: the config of the cell is lost as well. */
const NOBODYS = `--- a/drivers/vfio/Kconfig
+++ b/drivers/vfio/Kconfig
@@ -62,4 +62,5 @@
 config VFIO_NOIOMMU
 	bool "VFIO No-IOMMU support"
+	depends on BROKEN
 	depends on VFIO_GROUP || (VFIO_DEVICE_CDEV && !GENERIC_ATOMIC64)
 	depends on !VFIO_GROUP || VFIO_CONTAINER || IOMMUFD_VFIO_CONTAINER
`

test('a tree as it is has every row', async () => {
  const { exitCode, status, boots, cases } = await judge()
  expect(cases.map(({ id, outcome }) => [id, outcome])).toEqual(ROWS.map((row) => [`kconfig/${row}`, 'pass']))
  expect({ exitCode, status, boots }).toEqual({ exitCode: 0, status: 'ok', boots: 0 })
})

test('a row that is broken fails, and says what was asked and what came', async () => {
  const { exitCode, status, cases } = await judge(WITHOUT_CONTAINER)
  const failed = cases.filter(({ unexpected }) => unexpected)
  expect(failed.map(({ id }) => id)).toEqual(['kconfig/group-without-container', 'kconfig/group-and-cdev-without-container'])
  expect(failed[0]?.message).toMatch(/^asked for VFIO_GROUP=y VFIO_DEVICE_CDEV=n IOMMUFD=y VFIO_CONTAINER=n .*: VFIO_NOIOMMU is y and must be n$/)
  expect({ exitCode, status }).toEqual({ exitCode: 1, status: 'failed' })
})

test('the rows are judged though the config of their cell is lost', async () => {
  const { exitCode, status, cases } = await judge(NOBODYS)
  const failed = cases.filter(({ unexpected }) => unexpected)
  expect(failed.map(({ id }) => id)).toEqual(['kconfig/group-and-container', 'kconfig/group-container-and-cdev', 'kconfig/cdev-alone'])
  expect(failed[2]?.message).toContain('VFIO_NOIOMMU is n and must be y (BROKEN (=n))')
  expect({ exitCode, status }).toEqual({ exitCode: 1, status: 'build-failed' })
})
