import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { askConfig } from '../../orchestrator/kernel/asked-config.ts'
import { type Configure, configurer } from '../../orchestrator/kernel/configure.ts'
import { parseDotConfig } from '../../orchestrator/kernel/dot-config.ts'
import { parseFragment } from '../../orchestrator/kernel/fragment.ts'
import { neededModules } from '../../orchestrator/kernel/guest-modules.ts'
import { readKconfig } from '../../orchestrator/kernel/kconfig.ts'
import { openKernelSource, type PreparedSource } from '../../orchestrator/kernel/kernel-source.ts'
import { lostSymbols } from '../../orchestrator/kernel/lost-symbols.ts'
import { headersOfTree, uapiNames } from '../../orchestrator/kernel/uapi-names.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { temporaryDir } from '../lab-process.ts'

/** The project's fragments through the real Kconfig of the real kernels; nothing is compiled but Kconfig itself. */
const signal = new AbortController().signal
let tools: OpenedTools
beforeAll(async () => { tools = await openTools('toolbox', { notice: () => undefined, signal }) })
afterAll(async () => { await tools[Symbol.asyncDispose]() })

const lab = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
const fragmentsOf = (config: string) => {
  const found = lab.configs.find(({ name }) => name === config)
  if (found === undefined) throw new Error(`the default lab has no config ${config}`)
  return Promise.all(found.fragments.map(async (path) => parseFragment(await readFile(path, 'utf8'), basename(path))))
}

describe.each(['7.3', '7.2'])('Linux %s', (version) => {
  let source: PreparedSource
  let objects: Awaited<ReturnType<typeof temporaryDir>>
  let configure: Configure
  beforeAll(async () => {
    const context = { tools, signal, notice: () => undefined, onText: () => undefined }
    source = await (await openKernelSource({ kind: 'debian', packageGlob: `linux-source-${version}` }, context)).prepare([])
    objects = await temporaryDir()
    // A key of its own: Kconfig must really run.
    configure = configurer(`${source.configKey} ${process.pid} ${Date.now()}`)
  })
  afterAll(async () => {
    await objects[Symbol.asyncDispose]()
    await source[Symbol.asyncDispose]()
  })

  const outcomeOf = async (fragments: Awaited<ReturnType<typeof fragmentsOf>>) => {
    const { slot: { tree } } = source
    const base = parseFragment(await readFile(lab.baseConfig, 'utf8'), 'base.config')
    const kconfig = await readKconfig(tree, signal)
    const asked = askConfig(base, fragments.flat(), kconfig)
    const made = await configure(asked, { tree, objects: objects.path, tools, signal, what: 'the test', timeoutMs: 300_000 })
    expect(made.ok).toBe(true)
    const config = parseDotConfig(await readFile(join(objects.path, '.config'), 'utf8'))
    return { config, notAsked: asked.notAsked.map(({ symbol, where }) => `${symbol} where ${where}`), lost: lostSymbols(asked.asked, config, kconfig) }
  }

  const set = (config: Readonly<Record<string, string>>, ...symbols: readonly string[]) => symbols.filter((symbol) => config[symbol] === 'y')
  const DOORS = ['IOMMUFD', 'VFIO_GROUP', 'VFIO_CONTAINER', 'VFIO_DEVICE_CDEV', 'VFIO_NOIOMMU', 'IOMMUFD_VFIO_CONTAINER']

  test('noiommu', async () => {
    const { config, lost, notAsked } = await outcomeOf(await fragmentsOf('noiommu'))
    expect(lost).toEqual([])
    expect(notAsked).toEqual([])
    expect(set(config, ...DOORS)).toEqual(['IOMMUFD', 'VFIO_GROUP', 'VFIO_CONTAINER', 'VFIO_DEVICE_CDEV', 'VFIO_NOIOMMU'])
    expect(config['IOMMUFD_NOIOMMU']).toBe(version === '7.2' ? undefined : 'y')
  })

  test('no-container', async () => {
    const { config, lost, notAsked } = await outcomeOf(await fragmentsOf('no-container'))
    expect(lost).toEqual([])
    expect(set(config, ...DOORS)).toEqual(version === '7.2' ? ['IOMMUFD', 'VFIO_DEVICE_CDEV'] : ['IOMMUFD', 'VFIO_DEVICE_CDEV', 'VFIO_NOIOMMU'])
    expect(notAsked).toEqual(version === '7.2' ? ['VFIO_NOIOMMU where IOMMUFD_NOIOMMU'] : [])
  })

  test('iommufd', async () => {
    const { config, lost } = await outcomeOf(await fragmentsOf('iommufd'))
    expect(lost).toEqual([])
    expect(set(config, ...DOORS)).toEqual(['IOMMUFD', 'VFIO_GROUP', 'VFIO_DEVICE_CDEV', 'IOMMUFD_VFIO_CONTAINER'])
  })

  test.each(['mdev', 'mdev-no-group'])('%s', async (name) => {
    const { config, lost } = await outcomeOf(await fragmentsOf(name))
    expect(lost).toEqual([])
    expect(set(config, 'SAMPLE_VFIO_MDEV_MTTY', 'SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MBOCHS', 'VFIO_MDEV', 'DMA_SHARED_BUFFER', 'VFIO_DEVICE_CDEV')).toHaveLength(6)
    expect(set(config, 'VFIO_GROUP', 'VFIO_CONTAINER')).toHaveLength(name === 'mdev' ? 2 : 0)
  })

  test('modular', async () => {
    const { config, lost } = await outcomeOf(await fragmentsOf('modular'))
    expect(lost).toEqual([])
    expect(neededModules(config)).toEqual(['iommufd', 'vfio', 'vfio_iommu_type1', 'vfio_pci'])
    expect(set(config, 'MODULE_UNLOAD', 'VIRTIO_PCI', 'VIRTIO_BLK', 'VIRTIO_NET', 'UNIX', 'EROFS_FS')).toHaveLength(6)
  })

  test('a lost symbol comes with the dependency that is not met, and a forced one with who forces it', async () => {
    const mine = parseFragment('CONFIG_VFIO_CONTAINER=y\nCONFIG_IOMMUFD_TEST=y\nCONFIG_IOMMU_API=n', 'mine.config')
    const { lost } = await outcomeOf([...await fragmentsOf('no-container'), mine])
    expect(lost.map(({ symbol, asked, got, fragment, unmet }) => `${fragment} ${symbol} ${asked} ${got}: ${unmet}`)).toEqual([
      'mine.config VFIO_CONTAINER y n: VFIO_GROUP (=n)',
      'mine.config IOMMUFD_TEST y n: FAULT_INJECTION (=n) and RUNTIME_TESTING_MENU (=n)',
      expect.stringMatching(/^mine\.config IOMMU_API n y: selected by .*\bVFIO \(=y\)/),
    ])
  })

  test('a symbol that does not exist is refused with the nearest', async () => {
    await expect(outcomeOf([parseFragment('CONFIG_VFIO_NOIOMU=y', 'mine.config')])).rejects.toMatchObject({ code: 'UNKNOWN_SYMBOL', hint: 'did you mean CONFIG_VFIO_NOIOMMU?' })
  })

  test('the names of its uapi headers', async () => {
    const names = uapiNames(await headersOfTree(source.slot.tree))
    expect(names).toEqual(expect.arrayContaining(['VFIO_DEVICE_BIND_IOMMUFD', 'VFIO_IRQ_SET_ACTION_TRIGGER', 'IOMMU_IOAS_MAP', 'IOMMUFD_CMD_IOAS_MAP', 'IOMMU_IOAS_MAP_WRITEABLE', 'VFIO_PCI_MSI_IRQ_INDEX']))
    expect(names.includes('IOMMU_IOAS_NOIOMMU_GET_PA')).toBe(version !== '7.2')
  })
})

test('a tree that Kconfig cannot read is the kernel\'s fault', async () => {
  await using dir = await temporaryDir()
  await mkdir(join(dir.path, 'objects'))
  await writeFile(join(dir.path, 'Makefile'), 'tinyconfig:\n\t@echo "drivers/vfio/Kconfig:12: syntax error" >&2; false\n')
  const made = await configurer('none')({ asked: [], notAsked: [] }, { tree: dir.path, objects: join(dir.path, 'objects'), tools, signal, what: 'the test', timeoutMs: 60_000 })
  expect(made).toMatchObject({ ok: false, because: 'drivers/vfio/Kconfig:12: syntax error' })
})
