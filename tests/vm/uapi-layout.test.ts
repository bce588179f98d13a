import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LabError } from '../../orchestrator/host/errors.ts'
import { run } from '../../orchestrator/host/spawn.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { uapiAssertions } from './uapi-assertions.ts'

const HEADERS = ['vfio.h', 'iommufd.h']

const stack = new AsyncDisposableStack()
const { signal } = new AbortController()
const silent = () => undefined
let compile: (source: string) => Promise<unknown>
let headers: string

beforeAll(async () => {
  const tools = stack.use(await openTools('toolbox', { notice: silent, signal }))
  const tree = process.env['LAB_TEST_KERNEL_TREE'] ?? await newestTree(tools)
  const folder = await mkdtemp(join(tmpdir(), 'vfio-lab-uapi-'))
  stack.defer(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'linux'))
  // Only the headers under test are the tree's; linux/types.h and the like come with the compiler.
  for (const header of HEADERS) await copyFile(join(tree, 'include/uapi/linux', header), join(folder, 'linux', header))
  headers = (await Promise.all(HEADERS.map((header) => readFile(join(folder, 'linux', header), 'utf8')))).join('\n')
  compile = async (source) => {
    await writeFile(join(folder, 'check.c'), source)
    const args = ['-fsyntax-only', '-D__user=', '-I', folder, join(folder, 'check.c')]
    return run(tools.command({ program: 'gcc', args, read: [folder] }), { what: 'gcc on the uapi headers', signal })
  }
})

afterAll(() => stack.disposeAsync())

const newestTree = async (tools: Parameters<typeof openKernelSource>[1]['tools']): Promise<string> => {
  const opened = await openKernelSource({ kind: 'debian', packageGlob: 'linux-source-*' }, { tools, signal, notice: silent, onText: silent })
  return stack.use(await opened.prepare([])).slot.tree
}

test("the agent's structs, ioctl numbers and constants are those of the kernel's headers", async () => {
  const { source, missing } = uapiAssertions(headers)
  const withoutNoiommu = ['iommu_ioas_noiommu_get_pa', 'IOMMU_IOAS_NOIOMMU_GET_PA']
  expect(missing).toEqual(headers.includes('IOMMU_IOAS_NOIOMMU_GET_PA') ? [] : withoutNoiommu)
  await compile(source)
})

test('a struct that differs from the headers is found', async () => {
  const { source } = uapiAssertions(headers)
  const wrong = source.replace('offsetof(struct iommu_ioas_map, iova) == 32', 'offsetof(struct iommu_ioas_map, iova) == 40')
  expect(wrong).not.toBe(source)
  const said = await compile(wrong).then(() => 'it compiled', (error: unknown) => (error instanceof LabError ? error.tail.join('\n') : String(error)))
  expect(said).toContain('static assertion failed')
})
