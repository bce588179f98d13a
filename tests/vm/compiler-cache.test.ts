import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { run } from '../../orchestrator/host/spawn.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import { compilerCache } from '../../orchestrator/kernel/compiler-cache.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { make } from '../../orchestrator/kernel/make.ts'
import { openObjects } from '../../orchestrator/kernel/object-tree.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'

const signal = new AbortController().signal
const silent = () => undefined

test('an object that was compiled before is not compiled again, wherever its tree has gone', async () => {
  await using tools = await openTools('toolbox', { notice: silent, signal })
  const config = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
  const [kernel] = config.kernels
  if (kernel === undefined || kernel.source.kind !== 'debian') throw new Error('the default lab has no Debian kernel')
  const configs = config.configs.filter(({ name }) => name === 'noiommu')
  await using _built = await buildConfigs(kernel, configs, {
    tools, baseConfig: config.baseConfig, limits: config.limits, upTo: 'built', notice: silent, onProgress: silent, signal,
  })
  const context = { tools, signal, notice: silent, onText: silent }
  await using source = await (await openKernelSource(kernel.source, context)).prepare(['noiommu'])
  // A tree of the test's own, where no other config looks for a start.
  const { objects } = await openObjects(source.slot, 'compiler-cache-test', ['noiommu'], context)
  try {
    const cache = await compilerCache(tools)
    const hits = async (): Promise<number> => {
      const command = tools.command({ program: 'ccache', args: ['--print-stats'], env: cache.env, read: cache.read, write: cache.write })
      const { stdout } = await run(command, { what: 'asking the compiler cache', signal })
      return [...stdout.matchAll(/^(?:direct|preprocessed)_cache_hit\t(\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
    }
    const compile = async (): Promise<number> => {
      const folder = join(objects, 'drivers', 'vfio')
      const own = (await readdir(folder)).filter((name) => /^vfio.*\.o$|^group\.o$|^container\.o$|^device_cdev\.o$|^iommufd\.o$/.test(name))
      for (const name of own) await rm(join(folder, name))
      const before = await hits()
      const made = await make(['drivers/vfio/'], { tree: source.slot.tree, objects, tools, signal, what: 'compiling drivers/vfio', timeoutMs: 300_000 })
      expect(made.ok).toBe(true)
      expect((await readdir(folder)).filter((name) => own.includes(name)).length).toBeGreaterThan(3)
      return await hits() - before
    }
    await compile()
    expect(await compile()).toBeGreaterThan(3)
  } finally {
    await rm(objects, { recursive: true, force: true })
  }
})

test.each([
  ['assembler', 'piggy.S', '.incbin "data"\n'],
  ['C', 'config.c', 'asm(".incbin \\"data\\"");\n'],
])('a file that a source in %s takes in is looked at each time, though the source is the same', async (_language, name, text) => {
  await using tools = await openTools('toolbox', { notice: silent, signal })
  await using dir = await temporaryDir()
  const cache = await compilerCache(tools)
  await writeFile(join(dir.path, name), text)
  for (const data of ['the kernel before', 'the kernel of now']) {
    await writeFile(join(dir.path, 'data'), data)
    const command = tools.command({
      program: 'ccache', args: ['gcc', '-MMD', '-c', '-o', 'out.o', name], cwd: dir.path, env: cache.env, read: cache.read, write: [...cache.write, dir.path],
    })
    await run(command, { what: 'compiling', signal })
    expect(await readFile(join(dir.path, 'out.o'), 'latin1')).toContain(data)
  }
})
