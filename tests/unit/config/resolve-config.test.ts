import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { debian, debianImage, defineLab, edu, intelIommu, kselftest, pciTestdev, prebuilt, program, tree, vfioUser, vfioUserDma } from '../../../orchestrator/config/define-lab.ts'
import { dmaOptions } from '../../../images/devices/vfio-user-dma/options.ts'
import { resolveConfig } from '../../../orchestrator/config/resolve-config.ts'
import { withTree } from '../../../orchestrator/config/with-tree.ts'
import { LabError } from '../../../orchestrator/host/errors.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vfio-lab-config-'))
  await writeFile(join(dir, 'mine.config'), 'CONFIG_IOMMUFD=y\n')
  await writeFile(join(dir, 'adder.ts'), 'export default {}\n')
})
afterAll(async () => { await rm(dir, { recursive: true }) })

const good = {
  kernels: { debian: { source: debian('linux-source-*') } },
  configs: { both: ['iommufd', 'group', './mine.config'] },
  machines: { none: { devices: [] }, intel: { iommu: intelIommu({ cachingMode: true }), devices: [edu(), pciTestdev()] } },
}
const resolved = (value: unknown) => resolveConfig(value, '/home/me/lab.config.ts', dir)

/** The lines of the error that a config is answered with, without the first. */
const problemsOf = (value: unknown): readonly string[] => {
  try {
    resolved(value)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    expect([error.kind, error.code]).toEqual(['yours', 'BAD_CONFIG'])
    const lines = error.message.split('\n')
    expect(lines[0]).toMatch(/^\/home\/me\/lab\.config\.ts has (?:a problem|\d+ problems):$/)
    expect(lines.length).toBeLessThan(16)
    return lines.slice(1).map((line) => line.trim())
  }
  throw new Error('the config was accepted')
}

describe('a config', () => {
  test('has every default filled in', () => {
    expect(resolved(good)).toMatchObject({
      dir,
      tools: 'toolbox',
      suites: ['native'],
      exclude: [],
      limits: { bootMs: 60_000, buildMs: 5_400_000, storeBytes: 2 ** 32, sourceTrees: 8 },
      kernels: [{ name: 'debian', source: { kind: 'debian', packageGlob: 'linux-source-*' } }],
      machines: [
        { name: 'none', devices: [], memoryMiB: 1024, cpus: 1, onRequest: false },
        { name: 'intel', iommu: { kind: 'intel', cachingMode: true, interruptRemapping: true }, devices: [{ kind: 'edu', dmaMask: 0xffff_ffff_ffff_ffffn }, { kind: 'pci-testdev' }] },
      ],
    })
    expect(resolved(good).machines[0]).not.toHaveProperty('iommu')
    expect(resolved(good).configs[0]?.fragments.map((path) => basename(path))).toEqual(['iommufd.config', 'group.config', 'mine.config'])
  })

  test('keeps what it says', () => {
    const config = resolved(defineLab({
      ...good,
      kernels: { 'linux-next': { source: tree('../linux') } },
      suites: ['ioas'],
      tools: 'host',
      limits: { bootSeconds: 5, buildMinutes: 2 },
      exclude: [{ config: 'both', machine: 'none', because: 'dull' }],
    }))
    expect(config).toMatchObject({
      tools: 'host', suites: ['ioas'], limits: { bootMs: 5000, buildMs: 120_000, storeBytes: 2 ** 32, sourceTrees: 8 }, exclude: [{ config: 'both', machine: 'none', because: 'dull' }],
      kernels: [{ name: 'linux-next', source: { kind: 'tree', dir: join(dir, '../linux') } }],
    })
    expect(config.exclude[0]).not.toHaveProperty('kernel')
  })

  test('has no configs when every kernel comes built, and their paths start from its folder', () => {
    const config = resolved(defineLab({
      ...good,
      kernels: { files: { source: prebuilt({ bzImage: 'boot/vmlinuz', config: '/boot/config', modules: './modules/7.3-mine' }) }, distro: { source: debianImage('linux-image-*-amd64') } },
      configs: {},
      exclude: [{ kernel: 'files', config: 'own', because: 'dull' }],
    }))
    expect(config).toMatchObject({
      configs: [],
      kernels: [
        { source: { kind: 'prebuilt', bzImage: join(dir, 'boot/vmlinuz'), config: '/boot/config', modules: join(dir, 'modules/7.3-mine') } },
        { source: { kind: 'debian-image', packageGlob: 'linux-image-*-amd64' } },
      ],
    })
    expect(config.kernels[0]?.source).not.toHaveProperty('headers')
  })

  test('names devices of its user by paths that start from its folder', () => {
    const devices = [vfioUser('./adder.ts', { gain: [1, null] }), vfioUserDma({ addressBits: 32 }), vfioUser(join(dir, 'adder.ts'))]
    expect(resolved({ ...good, machines: { m: { devices } } }).machines[0]?.devices).toEqual([
      { kind: 'vfio-user', file: join(dir, 'adder.ts'), options: { gain: [1, null] } },
      { kind: 'vfio-user-dma', options: dmaOptions.parse({ addressBits: 32 }) },
      { kind: 'vfio-user', file: join(dir, 'adder.ts') },
    ])
  })

  test('keeps suites of programs apart from those of the agent', () => {
    const own = program({ name: 'mine', build: 'cp $SRC/adder.ts .', run: ['./adder.ts', '{bdf}'], output: 'tap' })
    expect(resolved(defineLab({ ...good, suites: ['native', kselftest('vfio'), own] }))).toMatchObject({ suites: ['native'], programs: [{ kind: 'kselftest', folder: 'vfio' }, own] })
  })

  test('is asked of one tree by withTree', () => {
    expect(withTree(resolved(good), '/src/linux')).toMatchObject({ kernels: [{ name: 'tree', source: { kind: 'tree', dir: '/src/linux' } }], machines: [{}, {}] })
  })

  test('of the type checker refuses names that are not there', () => {
    // @ts-expect-error: no machine is called itel
    expect(problemsOf(defineLab({ ...good, exclude: [{ machine: 'itel', because: 'x' }] }))).toEqual(['exclude[0].machine: there is no machine itel; did you mean intel?'])
  })
})

describe('a mistake is named with its place and the nearest right name', () => {
  test.each<readonly [string, unknown, readonly string[]]>([
    ['an unknown key', { ...good, machine: {} }, ['unknown key machine; did you mean machines?']],
    ['an unknown key below', { ...good, machines: { none: { devices: [], memoryMib: 3 } } }, ['machines.none: unknown key memoryMib; did you mean memoryMiB?']],
    ['an unknown key of an IOMMU', { ...good, machines: { m: { iommu: { ...intelIommu(), scalabel: true }, devices: [] } } }, ['machines.m.iommu: unknown key scalabel; did you mean scalable?']],
    ['two suites of one name', { ...good, suites: [kselftest('vfio'), kselftest('vfio')] }, ['suites[1]: there are two suites selftests-vfio']],
    ['a program that is not there', { ...good, suites: [program({ name: 'mine', run: ['./mine'], output: 'ktap' })] }, [expect.stringMatching(/^suites\[0\]\.run: there is no file .*\/mine$/)]],
    ['an unknown key of a limit', { ...good, limits: { bootSecs: 1 } }, ['limits: unknown key bootSecs; did you mean bootSeconds?']],
    ['a constructor that was not called', { ...good, machines: { m: { devices: [edu] } } }, ['machines.m.devices[0]: must be a device such as edu(), or a place with devices such as oneGroup(edu(), pciTestdev())']],
    ['more devices than the root bus has slots for', { ...good, machines: { m: { devices: Array.from({ length: 23 }, () => edu()) } } }, ['machines.m.devices: at most 22 entries: each takes a slot of the root bus']],
    ['an IOMMU by its name only', { ...good, machines: { m: { iommu: 'intel', devices: [] } } }, ['machines.m.iommu: must be intelIommu({...}), amdIommu({...}) or virtioIommu()']],
    ['a source by its name only', { ...good, kernels: { k: { source: 'linux-source-7.3' } } }, [expect.stringMatching(/^kernels\.k\.source: must be debian\('linux-source-\*'\), .* or debianImage\('linux-image-\*-amd64'\)$/)]],
    ['a package that is an option', { ...good, kernels: { k: { source: debian('--download') } } }, ['kernels.k.source.packageGlob: must be the name of a Debian package or a glob, e.g. linux-source-*']],
    ['an image package that is an option', { ...good, kernels: { k: { source: debianImage('-o') } } }, ['kernels.k.source.packageGlob: must be the name of a Debian package or a glob, e.g. linux-image-*-amd64']],
    ['a prebuilt kernel without its config', { ...good, kernels: { k: { source: { kind: 'prebuilt', bzImage: 'b' } } } }, ['kernels.k.source.config: Invalid input: expected string, received undefined']],
    ['a config with the name of another thing', { ...good, configs: { own: ['iommufd'] } }, [expect.stringMatching(/^configs\.own: this name is taken: cells of prebuilt kernels have it/)]],
    ['no config for a kernel that must be built', { ...good, kernels: { ...good.kernels, p: { source: prebuilt({ bzImage: 'b', config: 'c' }) } }, configs: {} }, ['configs: must have at least one entry']],
    ['the own config excluded where no kernel has it', { ...good, exclude: [{ config: 'own', because: 'x' }] }, ['exclude[0].config: there is no config own; there is both']],
    ['an unknown fragment', { ...good, configs: { c: ['iomufd'] } }, ['configs.c[0]: there is no fragment iomufd in kernel-configs/; did you mean iommufd?']],
    ['base.config as a fragment', { ...good, configs: { c: ['base'] } }, [expect.stringMatching(/^configs\.c\[0\]: there is no fragment base in kernel-configs\//)]],
    ['a fragment file that is not there', { ...good, configs: { c: ['./his.config'] } }, [expect.stringMatching(/^configs\.c\[0\]: there is no file \/.*\/his\.config$/)]],
    ['a device whose file is not there', { ...good, machines: { m: { devices: [edu(), vfioUser('./sub.ts'), vfioUser('.')] } } }, [
      expect.stringMatching(/^machines\.m\.devices\[1\]: there is no file \/.*\/sub\.ts$/),
      expect.stringMatching(/^machines\.m\.devices\[2\]: there is no file \/[^ ]*$/),
    ]],
    ['a name that is no file name', { ...good, machines: { '../x': { devices: [] }, 'UPPER': { devices: [] } } }, [
      expect.stringMatching(/^machines: "\.\.\/x" is no name for a cell/),
      expect.stringMatching(/^machines: "UPPER" is no name for a cell/),
    ]],
    ['an exclusion of everything', { ...good, exclude: [{ because: 'x' }] }, ['exclude[0]: would exclude every cell: name a kernel, a config or a machine']],
    ['an exclusion without a reason', { ...good, exclude: [{ machine: 'none', because: ' ' }] }, ['exclude[0].because: must say why']],
    ['an exclusion of something unknown', { ...good, exclude: [{ config: 'bth', kernel: 'debain', because: 'x' }] }, [
      'exclude[0].kernel: there is no kernel debain; did you mean debian?',
      'exclude[0].config: there is no config bth; did you mean both?',
    ]],
    ['nothing to run', { kernels: {}, configs: {}, machines: {} }, ['kernels: must have at least one entry', 'configs: must have at least one entry', 'machines: must have at least one entry']],
    ['memory that is no number', { ...good, machines: { m: { devices: [], memoryMiB: '1G' } } }, ['machines.m.memoryMiB: Invalid input: expected number, received string']],
    ['no object at all', 3, ['Invalid input: expected object, received number']],
  ])('%s', (_, value, problems) => {
    expect(problemsOf(value)).toEqual(problems)
  })

  test('many of them fit one screen', () => {
    const configs = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`c${index}`, ['nope']]))
    const problems = problemsOf({ ...good, configs })
    expect(problems).toHaveLength(13)
    expect(problems.at(-1)).toBe('... and 88 more')
  })
})

test('any value at all is resolved or refused, never a crash', () => {
  const patch = fc.record({
    kernels: fc.anything(), configs: fc.anything(), machines: fc.anything(), suites: fc.anything(), exclude: fc.anything(), tools: fc.anything(), limits: fc.anything(),
  }, { requiredKeys: [] })
  fc.assert(fc.property(fc.oneof(fc.anything(), patch.map((part) => ({ ...good, ...part }))), (value) => {
    try {
      resolved(value)
    } catch (error) {
      expect(error).toMatchObject({ kind: 'yours', code: 'BAD_CONFIG' })
    }
  }), { numRuns: 400 })
})
