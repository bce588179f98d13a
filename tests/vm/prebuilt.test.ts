import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { debianImage } from '../../orchestrator/config/define-lab.ts'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import type { BuiltKernel } from '../../orchestrator/kernel/built-kernel.ts'
import type { ConfigInput, KernelInput } from '../../orchestrator/kernel/kernel-input.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { callLabRun, temporaryDir } from '../lab-process.ts'

/** Kernels that come built: one with everything in it, and a distribution's, whose drivers are modules. */
const signal = new AbortController().signal
const silent = () => { /* a test has no terminal */ }
const stack = new AsyncDisposableStack()
let tools: OpenedTools
let place: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => { tools = stack.use(await openTools('toolbox', { notice: silent, signal })) })
beforeEach(async () => {
  place = await temporaryDir()
  return () => place[Symbol.asyncDispose]()
})
afterAll(() => stack.disposeAsync())

/** Its files exist until the tests are over. */
const built = async (kernel: KernelInput, config: ConfigInput): Promise<BuiltKernel> => {
  const { baseConfig, limits } = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
  const builds = stack.use(await buildConfigs(kernel, [config], { tools, baseConfig, limits, upTo: 'built', notice: silent, onProgress: silent, signal }))
  const outcome = builds.outcomes.get(config.name)
  if (outcome?.status !== 'built') throw new Error(`${config.name} was not built`)
  return outcome
}
const distro = () => built({ name: 'distro', source: debianImage('linux-image-*-amd64'), patches: [] }, { name: 'own', fragments: [] })

/** `lab run` of a lab with this one kernel on machine and these cases. */
const judged = async (source: string, machine: string, cases: readonly string[]) => {
  await writeFile(join(place.path, 'lab.config.ts'), `
import { debianImage, defineLab, edu, intelIommu, iommuTestdev, pciTestdev, prebuilt, virtioIommu } from 'vfio-lab'
export default defineLab({
  kernels: { given: { source: ${source} } },
  configs: {},
  machines: { it: { ${machine} devices: [edu(), pciTestdev(), iommuTestdev()] } },
  limits: { bootSeconds: 180 },
})
`)
  return callLabRun(cases, { cwd: place.path })
}

test('a bzImage of the lab\'s own, with its config and the headers of its source', async () => {
  const { kernels: [kernel], configs } = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
  const config = configs.find(({ name }) => name === 'noiommu')
  if (kernel === undefined || config === undefined) throw new Error('the default lab has no kernel or no config noiommu')
  const { bzImage, dotConfig, release } = await built(kernel, config)
  const opened = await openKernelSource({ kind: 'debian', packageGlob: 'linux-source-*' }, { tools, signal, notice: silent, onText: silent })
  await using source = await opened.prepare([])
  const { results, exitCode, stderr } = await judged(
    `prebuilt(${JSON.stringify({ bzImage, config: dotConfig, headers: source.slot.tree })})`, 'iommu: intelIommu(),', ['--suite', 'cdev-bind'],
  )
  expect(stderr).toBe('')
  expect(results?.cells).toMatchObject([{ id: 'given/own/it', status: 'ok', config: 'own', kernel: { name: 'given', release, patches: [] }, timings: { buildMs: 0 } }])
  expect(results?.summary.planned).toBeGreaterThan(0)
  expect(results?.summary).toMatchObject({ unexpected: 0, skip: 0, ran: results?.summary.planned })
  expect(exitCode).toBe(0)
})

test('Debian\'s newest kernel, with modules, behind an IOMMU whose driver is one', async () => {
  const { exitCode, results } = await judged('debianImage(\'linux-image-*-amd64\')', 'iommu: virtioIommu(),', ['--suite', '{nodes,device-*,container-type1-map}'])
  expect(results?.cells.flatMap(({ id, cases, because }) => [because ?? id, ...cases.filter(({ unexpected }) => unexpected).map((one) => `${one.id}: ${one.message ?? ''}`)])).toEqual(['given/own/it'])
  expect(results?.cells[0]?.kernel.release).toMatch(/^\d.*-amd64$/)
  expect(results?.versions['kernel given']).toMatch(/^\d/)
  expect(results?.summary.planned).toBeGreaterThan(0)
  expect(results?.summary).toMatchObject({ unexpected: 0, skip: 0, ran: results?.summary.planned })
  expect(exitCode).toBe(0)
})

test('a module that the kernel refuses ends the boot, and is named', async () => {
  const { bzImage, dotConfig, release, modules } = await distro()
  const folder = join(place.path, release)
  await mkdir(join(folder, 'include/uapi/linux'), { recursive: true })
  await writeFile(join(folder, 'include/uapi/linux/vfio.h'), '#define VFIO_TYPE1_IOMMU 1\n')
  const names = modules.map((path) => basename(path).replace(/^\d+-/, ''))
  for (const [index, path] of modules.entries()) await copyFile(path, join(folder, names[index] ?? ''))
  await writeFile(join(folder, 'modules.dep'), names.map((name, index) => `${name}: ${names.slice(0, index).join(' ')}\n`).join(''))
  await writeFile(join(folder, 'vfio.ko'), 'this is no module\n')
  const { exitCode, results } = await judged(
    `prebuilt(${JSON.stringify({ bzImage, config: dotConfig, modules: folder, headers: folder })})`, '', ['--suite', 'nodes'],
  )
  expect(results?.cells).toMatchObject([{ status: 'boot-failed', because: expect.stringMatching(/the module \d\d-vfio\.ko cannot be loaded/) as unknown }])
  expect(exitCode).toBe(1)
})
