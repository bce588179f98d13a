import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { DEVICE_KINDS } from '../../../guest-agent/protocol.ts'

const PROJECT = resolve(import.meta.dirname, '../../..')

// Each load is a Node of its own; one of them waits for ten seconds.
vi.setConfig({ testTimeout: 90_000 })

// Loaded by Node itself, as the lab does it: under the test runner an import() would go another way.
const LOADER = `
  import { loadConfig } from ${JSON.stringify(join(PROJECT, 'orchestrator/config/load-config.ts'))}
  const [path, cwd] = process.argv.slice(1)
  const plain = (_, value) => typeof value === 'bigint' ? String(value) : value
  try {
    console.log(JSON.stringify({ config: await loadConfig(path || undefined, cwd) }, plain))
  } catch ({ kind, code, message, hint, tail }) {
    console.log(JSON.stringify({ error: { kind, code, message, hint, tail } }))
  }
`
const named = z.array(z.object({ name: z.string() }))
const answer = z.object({
  config: z.object({ dir: z.string(), kernels: named, configs: z.array(z.object({ name: z.string(), onRequest: z.boolean().optional() })), machines: z.array(z.object({ name: z.string(), devices: z.array(z.object({ kind: z.string() })) })), suites: z.array(z.string()) }).optional(),
  error: z.object({ kind: z.string(), code: z.string(), message: z.string(), hint: z.string().optional(), tail: z.array(z.string()) }).optional(),
})
const load = async (path: string, cwd: string) => {
  const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '-e', LOADER, path, cwd])
  expect(stderr).toBe('')
  return answer.parse(JSON.parse(stdout))
}

let dir = ''
beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'vfio-lab-load-')) })
afterAll(async () => { await rm(dir, { recursive: true }) })
const write = async (name: string, text: string) => {
  await writeFile(join(dir, name), text)
  return join(dir, name)
}

const MINIMAL = `
  import { debian, defineLab, edu } from 'vfio-lab'
  const name: string = 'only'
  export default defineLab({ kernels: { [name]: { source: debian('linux-source-7.2') } }, configs: { empty: [] }, machines: { none: { devices: [edu()] } } })
`

describe('the config', () => {
  test('of the project is the default lab: three configs behind four kinds of IOMMU, and what is there on request', async () => {
    const { config } = await load('', dir)
    expect(config?.dir).toBe(PROJECT)
    expect(config?.kernels.map(({ name }) => name)).toEqual(['debian'])
    expect(config?.configs.filter(({ onRequest }) => onRequest !== true).map(({ name }) => name)).toEqual(['noiommu', 'no-container', 'iommufd'])
    expect(config?.machines.map(({ name, devices }) => [name, devices.length])).toEqual([
      ['none', 5], ['intel', 5], ['intel-scalable', 5], ['virtio', 5], ['amd', 5], ['intel-39', 5], ['intel-unsafe', 5], ['intel-svm', 5], ['more-devices', 8],
      ['intel-ats', 4], ['vfio-user', 3], ['exhaustion', 3], ['places', 11],
    ])
    // Or the cases about a device would run nowhere, and nobody would miss them; but for those about a user's own.
    const ours = DEVICE_KINDS.filter((kind) => kind !== 'vfio-user')
    expect(config?.machines.flatMap(({ devices }) => devices.map(({ kind }) => kind))).toEqual(expect.arrayContaining([...ours]))
  })

  test('works in any folder, typed, and is found there', async () => {
    const own = join(dir, 'own')
    await mkdir(own)
    await writeFile(join(own, 'lab.config.ts'), MINIMAL)
    for (const [path, cwd] of [['', own], [own, dir], ['own/lab.config.ts', dir]] as const) {
      expect((await load(path, cwd)).config).toMatchObject({ dir: own, kernels: [{ name: 'only' }] })
    }
  })

  test('may be plain JavaScript', async () => {
    const path = await write('plain.mjs', MINIMAL.replace(': string', ''))
    expect((await load(path, dir)).config?.kernels).toEqual([expect.objectContaining({ name: 'only' })])
  })
})

describe('a config file', () => {
  test.each([
    ['with a syntax error', 'syntax.ts', 'export default {\n  a: [1, 2\n}\n', 'CONFIG_THROWS', /syntax\.ts:3: /],
    ['with what type stripping cannot do', 'enum.ts', 'const a = 1\nenum B { C }\nexport default a', 'CONFIG_THROWS', /enum\.ts:2: .*enum/],
    ['that throws', 'throws.ts', 'const f = () => { throw new Error("boom") }\nexport default f()', 'CONFIG_THROWS', /throws\.ts:1:25: boom$/],
    ['that throws no Error', 'odd.ts', 'throw "odd"', 'CONFIG_THROWS', /odd\.ts: odd$/],
    ['with a wrong import', 'import.ts', 'import { defineLabb } from "vfio-lab"\nexport default defineLabb', 'CONFIG_THROWS', /import\.ts:1: .*defineLabb/],
    ['with a device that cannot be', 'device.ts', 'import { edu } from "vfio-lab"\nexport default edu({ dmaMask: -1n })', 'CONFIG_THROWS', /device\.ts:2:16: edu\(\{ dmaMask: -1n \}\)/],
    ['with a wrong option', 'option.ts', 'import { intelIommu } from "vfio-lab"\nexport default intelIommu({ cachingMod: true })', 'CONFIG_THROWS', /option\.ts:2:16: intelIommu\(\): unknown option cachingMod; did you mean cachingMode\?/],
    ['that exports nothing', 'nothing.ts', 'export const a = 1', 'CONFIG_THROWS', /nothing\.ts exports no default/],
    ['that exports something else', 'else.ts', 'export default 3', 'BAD_CONFIG', /expected object, received number/],
  ])('%s is the user\'s mistake, with its place', async (_, name, text, code, message) => {
    const { error } = await load(await write(name, text), dir)
    expect(error).toMatchObject({ kind: 'yours', code })
    expect(error?.message).toMatch(message)
    expect(error?.message.split('\n').length).toBeLessThan(4)
  })

  test('that is not there is one, too', async () => {
    expect((await load('nowhere.ts', dir)).error).toMatchObject({ kind: 'yours', code: 'NO_CONFIG', message: `there is no config file ${join(dir, 'nowhere.ts')}` })
    expect((await load('.', dir)).error).toMatchObject({ kind: 'yours', code: 'NO_CONFIG', message: `there is no lab.config.ts in ${dir}` })
  })

  test('shows the lines of a syntax error', async () => {
    const { error } = await load(await write('shown.ts', 'export default {\n  a: [1, 2\n}\n'), dir)
    expect(error?.tail).toContain('  a: [1, 2')
  })

  test('that never ends is one after ten seconds', async () => {
    const { error } = await load(await write('waits.ts', 'await new Promise(() => {})\nexport default 1'), dir)
    expect(error).toMatchObject({ kind: 'yours', code: 'CONFIG_THROWS', message: `${join(dir, 'waits.ts')} did not finish` })
  })
})
