import { existsSync } from 'node:fs'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'
import { miniKernel } from './mini-kernel.ts'

/** The whole way from a tree to the store, on a tree that compiles in a second, by a program that can be killed. */
const program = join(import.meta.dirname, 'build-kernels.ts')
const toolboxes = cacheDir('toolbox')
let cache: Awaited<ReturnType<typeof temporaryDir>>
let fragments: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => {
  const tools = await openTools('toolbox', { notice: () => undefined, signal: new AbortController().signal })
  await tools[Symbol.asyncDispose]()
  cache = await temporaryDir()
  fragments = await temporaryDir()
  await writeFile(fragment('base'), '# base\nCONFIG_A=n\n')
  await writeFile(fragment('a'), 'CONFIG_A=y\n')
  await writeFile(fragment('b'), 'CONFIG_B=y\n')
  await writeFile(fragment('where'), 'CONFIG_A=y # where MISSING exists\n')
  await writeFile(fragment('typo'), 'CONFIG_AA=y\n')
})
afterAll(async () => {
  await cache[Symbol.asyncDispose]()
  await fragments[Symbol.asyncDispose]()
})

const fragment = (name: string) => join(fragments.path, `${name}.config`)

const line = z.looseObject({
  notice: z.string().optional(),
  progress: z.looseObject({ phase: z.string(), config: z.string().optional(), fromStore: z.boolean().optional() }).optional(),
  config: z.string().optional(),
  outcome: z.looseObject({ status: z.string(), key: z.string().optional(), bzImage: z.string().optional() }).optional(),
  code: z.string().optional(),
})

/** Everything that the program is told, and the toolbox of the real cache in a cache of the test's own. */
const start = (dir: string, configs: readonly string[], { buildMs = 600_000, upTo = 'built', wrap = [] as readonly string[], cachePath = cache.path } = {}) => {
  const inner = [process.execPath, program, dir, fragment('base'), String(buildMs), upTo, ...configs.map((config) => {
    const [name, list = ''] = config.split('=')
    return `${name ?? ''}=${list.split(',').filter((each) => each !== '').map(fragment).join(',')}`
  })]
  const [file = '', ...args] = [...wrap, ...withToolbox(cachePath), ...inner]
  return execa(file, args, { reject: false, stdin: 'ignore', env: { VFIO_LAB_CACHE: cachePath } })
}

/** A symbolic link would do, but for the lock files beside the toolbox, which are shared this way too. */
const withToolbox = (cachePath: string) => ['sh', '-c', `mkdir -p ${cachePath} && { [ -e ${cachePath}/toolbox ] || ln -sfn ${toolboxes} ${cachePath}/toolbox; } && exec "$@"`, 'sh']

const linesOf = (stdout: string) => stdout.split('\n').filter((text) => text !== '').map((text) => line.parse(JSON.parse(text)))

const build = async (dir: string, configs: readonly string[], options: Parameters<typeof start>[2] = {}) => {
  const { stdout } = await start(dir, configs, options)
  const lines = linesOf(stdout)
  return {
    lines,
    outcome: (config: string) => lines.find((each) => each.config === config)?.outcome,
    error: lines.find(({ code }) => code !== undefined),
    compiled: lines.filter(({ progress }) => progress?.phase === 'compile').length,
    built: lines.filter(({ progress }) => progress?.phase === 'stored' && progress.fromStore === false).length,
  }
}

test('builds each config, and the second time nothing', async () => {
  await using kernel = await miniKernel()
  const first = await build(kernel.dir, ['plain=', 'with-a=a', 'where=where'])
  expect(first.outcome('plain')).toMatchObject({ status: 'built', release: '7.3.0-mini', notAsked: [], facts: { config: {}, uapi: ['IOMMUFD_CMD_BASE', 'VFIO_GET_API_VERSION'] } })
  expect(first.outcome('with-a')).toMatchObject({ status: 'built', facts: { config: { A: 'y' } } })
  expect(first.outcome('where')).toMatchObject({ status: 'built', facts: { config: {} }, notAsked: [{ symbol: 'A', asked: 'y', fragment: 'where.config', where: 'MISSING' }] })
  expect(await readFile(String(first.outcome('with-a')?.bzImage), 'latin1')).toContain('CONFIG_A=y\n')
  expect(first.built).toBe(3)
  expect(await readdir(kernel.dir)).not.toContain('.config')

  const second = await build(kernel.dir, ['plain=', 'with-a=a', 'where=where'])
  expect(second.built).toBe(0)
  expect(second.lines.some(({ progress }) => progress?.phase === 'configure')).toBe(false)
  expect(second.outcome('with-a')).toEqual({ ...first.outcome('with-a'), buildMs: 0 })
})

test('one changed file compiles one object', async () => {
  await using kernel = await miniKernel({ 'one.c': 'int one;\n', 'two.c': 'int two;\n', 'three.c': 'int three;\n' })
  const first = await build(kernel.dir, ['plain='])
  await kernel.write('two.c', 'int two = 2;\n')
  const second = await build(kernel.dir, ['plain='])
  expect(second.outcome('plain')).toMatchObject({ status: 'built' })
  expect(second.outcome('plain')?.key).not.toBe(first.outcome('plain')?.key)
  expect(second.lines.flatMap(({ progress }) => progress?.['objects'] ?? [])).toEqual([1])
})

test('configs that were built before are built at the same time; a new one starts from one that is whole', async () => {
  await using kernel = await miniKernel({ 'same.c': 'int the_same;\n', 'changes.c': 'int changes;\n' })
  const stepsOf = ({ lines }: Awaited<ReturnType<typeof build>>) =>
    lines.flatMap(({ progress }) => (progress?.config !== undefined && progress.phase !== 'compile' ? [`${progress.phase} ${progress.config}`] : []))
  expect(stepsOf(await build(kernel.dir, ['plain=', 'with-a=a']))).toEqual(['configure plain', 'stored plain', 'configure with-a', 'stored with-a'])
  await kernel.write('changes.c', 'int changes = 2;\n')
  const second = await build(kernel.dir, ['third=where', 'plain=', 'with-a=a'])
  const steps = stepsOf(second)
  expect(steps.slice(0, 2)).toEqual(['configure plain', 'configure with-a'])
  expect(steps.slice(2, 4).toSorted()).toEqual(['stored plain', 'stored with-a'])
  expect(steps.slice(4)).toEqual(['configure third', 'stored third'])
  const objects = second.lines.flatMap(({ progress }) => (progress?.phase === 'compile' ? [[progress.config, progress['objects']]] : []))
  expect(objects.toSorted()).toEqual([['plain', 1], ['with-a', 1]])
})

test('another tree of the same version starts from the objects that are there', async () => {
  await using one = await miniKernel({ 'shared.c': 'int shared_by_two_trees;\n' })
  await using two = await miniKernel({ 'shared.c': 'int shared_by_two_trees;\n' })
  await build(one.dir, ['plain='])
  const second = await build(two.dir, ['plain='])
  // Same content, same key: there is nothing to be built at all.
  expect(second.built).toBe(0)
  await two.write('more.c', 'int more;\n')
  const third = await build(two.dir, ['plain='])
  expect(third.lines.flatMap(({ progress }) => progress?.['objects'] ?? [])).toEqual([1])
  expect(third.built).toBe(1)
})

test('what a plan has configured starts from another config all the same', async () => {
  await using kernel = await miniKernel({ 'planned.c': 'int planned;\n', 'before.c': 'int before_it_is_built;\n' })
  const plan = await build(kernel.dir, ['plain=', 'with-a=a'], { upTo: 'configured' })
  expect(plan.outcome('with-a')).toMatchObject({ status: 'configured' })
  const { lines, outcome } = await build(kernel.dir, ['plain=', 'with-a=a'])
  expect(outcome('with-a')).toMatchObject({ status: 'built', facts: { config: { A: 'y' } } })
  expect(lines.flatMap(({ progress }) => (progress?.config === 'plain' ? progress['objects'] ?? [] : []))).not.toEqual([])
  // Objects of the mini kernel depend on no symbol.
  expect(lines.flatMap(({ progress }) => (progress?.config === 'with-a' ? progress['objects'] ?? [] : []))).toEqual([])
})

test('a lost symbol fails its config alone, with the dependency', async () => {
  await using kernel = await miniKernel()
  const { outcome } = await build(kernel.dir, ['lost=b', 'plain='])
  expect(outcome('lost')).toMatchObject({
    status: 'build-failed',
    because: 'CONFIG_B=y (b.config) came out as n: A (=n) and ABSENT (=n)',
    lost: [{ symbol: 'B', asked: 'y', got: 'n', fragment: 'b.config', unmet: 'A (=n) and ABSENT (=n)' }],
    facts: { config: {} },
  })
  expect(outcome('plain')).toMatchObject({ status: 'built' })
})

test('a symbol that does not exist stops all, before anything is compiled', async () => {
  await using kernel = await miniKernel()
  const { error, lines } = await build(kernel.dir, ['plain=', 'typo=typo'])
  expect(error).toMatchObject({ kind: 'yours', code: 'UNKNOWN_SYMBOL', message: 'typo.config:1: no Kconfig of the tree knows CONFIG_AA', hint: 'did you mean CONFIG_A?' })
  expect(lines.some(({ progress }) => progress?.phase === 'configure')).toBe(false)
})

test('what does not compile is the kernel\'s, with the first error', async () => {
  await using kernel = await miniKernel({ 'bad.c': 'int bad(void)\n{\n\treturn undeclared;\n}\n' })
  const { outcome } = await build(kernel.dir, ['plain='])
  expect(outcome('plain')).toMatchObject({ status: 'build-failed', because: expect.stringMatching(/^bad\.c:3:\d+: error: .undeclared. undeclared/) as unknown, lost: [] })
  await kernel.write('bad.c', 'int good;\n')
  expect((await build(kernel.dir, ['plain='])).outcome('plain')).toMatchObject({ status: 'built' })
})

test('a compiler that is killed is the lab\'s', async () => {
  await using kernel = await miniKernel()
  await kernel.write('scripts/olddefconfig', '#!/bin/sh\necho "gcc: fatal error: Killed signal terminated program cc1"; exit 1\n')
  expect((await build(kernel.dir, ['plain='])).error).toMatchObject({ kind: 'lab', code: 'TOOL_FAILED' })
})

test('a build past its limit is the lab\'s, and leaves nothing running', async () => {
  await using kernel = await miniKernel()
  await kernel.write('scripts/olddefconfig', '#!/bin/sh\nsleep 1000.25\n')
  expect((await build(kernel.dir, ['plain='], { buildMs: 1500 })).error).toMatchObject({ kind: 'lab', code: 'TOOL_TIMEOUT', hint: expect.stringContaining('buildMs') as unknown })
  expect(await runningWith('sleep 1000.25')).toBe(false)
})

const runningWith = async (text: string): Promise<boolean> => {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
    if (commandLine.replaceAll('\0', ' ').startsWith(text)) return true
  }
  return false
}

const slow = (seconds: string) => `#!/bin/sh\nsleep ${seconds}\n`

test('SIGINT ends a build within a second, and the next one goes on', async () => {
  await using kernel = await miniKernel()
  await kernel.write('scripts/olddefconfig', slow('1000.5'))
  const started = start(kernel.dir, ['plain='])
  await expect.poll(() => runningWith('sleep 1000.5'), { timeout: 60_000 }).toBe(true)
  const at = performance.now()
  started.kill('SIGINT')
  const { stdout } = await started
  expect(performance.now() - at).toBeLessThan(1000)
  expect(linesOf(stdout).at(-1)).toMatchObject({ code: 'Interrupted' })
  expect(await runningWith('sleep 1000.5')).toBe(false)
  await kernel.write('scripts/olddefconfig', slow('0'))
  expect((await build(kernel.dir, ['plain='])).outcome('plain')).toMatchObject({ status: 'built' })
})

test('kill -9 in the middle: nothing runs on, no half entry, what was half written is made again', async () => {
  await using kernel = await miniKernel()
  const before = await build(kernel.dir, ['plain='])
  const store = join(cache.path, 'kernel', 'store')
  const entries = await readdir(store)
  await kernel.write('one.c', 'int one = 1;\n')
  await kernel.write('Makefile', (await readFile(join(kernel.dir, 'Makefile'), 'utf8')).replace('@gcc $(KCFLAGS) -c -o $@ $<', '@gcc $(KCFLAGS) -c -o $@ $<; echo half > $@; touch $(O)/began; sleep 1000.75'))
  const started = start(kernel.dir, ['plain='])
  await expect.poll(() => runningWith('sleep 1000.75'), { timeout: 60_000 }).toBe(true)
  started.kill('SIGKILL')
  await started
  await expect.poll(() => runningWith('sleep 1000.75')).toBe(false)
  expect(await readdir(store)).toEqual(entries)
  await kernel.write('Makefile', (await readFile(join(kernel.dir, 'Makefile'), 'utf8')).replace('; echo half > $@; touch $(O)/began; sleep 1000.75', ''))
  const after = await build(kernel.dir, ['plain='])
  expect(after.outcome('plain')).toMatchObject({ status: 'built' })
  expect(after.outcome('plain')?.key).not.toBe(before.outcome('plain')?.key)
  expect(await readFile(String(after.outcome('plain')?.bzImage), 'latin1')).not.toContain('half')
})

test('two at once on one tree both finish, and one of them builds', async () => {
  await using kernel = await miniKernel({ 'only.c': 'int only_here;\n' })
  await kernel.write('scripts/olddefconfig', slow('1'))
  const both = await Promise.all([build(kernel.dir, ['plain=']), build(kernel.dir, ['plain='])])
  expect(both.map(({ outcome }) => outcome('plain')?.status)).toEqual(['built', 'built'])
  expect(both.map(({ built }) => built).toSorted()).toEqual([0, 1])
})

/** bwrap gives the program a small file system of its own for the cache. */
const onSmallDisk = (path: string, mebibytes: number) =>
  ['bwrap', '--dev-bind', '/', '/', '--size', String(mebibytes * 2 ** 20), '--tmpfs', path, '--']

test('a full disk is named, whether it fills while copying or while compiling', async () => {
  await using kernel = await miniKernel()
  await using disk = await temporaryDir()
  const small = { cachePath: join(disk.path, 'cache'), wrap: onSmallDisk(disk.path, 24) }
  await kernel.write('ballast.h', 'x'.repeat(30 * 2 ** 20))
  expect((await build(kernel.dir, ['plain='], small)).error).toMatchObject({ kind: 'lab', code: 'NO_SPACE', message: expect.stringContaining(disk.path) as unknown })
  await truncate(join(kernel.dir, 'ballast.h'))
  await kernel.write('big.c', 'char big[40 << 20] = { 1 };\n')
  expect((await build(kernel.dir, ['plain='], small)).error).toMatchObject({ kind: 'lab', code: 'NO_SPACE', message: expect.stringContaining(disk.path) as unknown })
  expect(existsSync(small.cachePath)).toBe(false)
})

test('a fragment that is not there, and a cache where make cannot work', async () => {
  await using kernel = await miniKernel()
  expect((await build(kernel.dir, ['plain=nowhere'])).error).toMatchObject({ kind: 'yours', code: 'NO_FRAGMENT' })
  await using spaced = await temporaryDir()
  expect((await build(kernel.dir, ['plain='], { cachePath: join(spaced.path, 'with-colon:') })).error).toMatchObject({ kind: 'yours', code: 'CACHE_PATH' })
})

test('a tree that is deleted while it is built is no loss: the lab builds its own copy', async () => {
  // Of its own content: no other test has built it.
  await using kernel = await miniKernel({ 'gone.c': 'int gone;\n' })
  const building = start(kernel.dir, ['gone='])
  for await (const text of building) if (text.includes('"configure"')) await rm(kernel.dir, { recursive: true, force: true })
  const { stdout } = await building
  expect(linesOf(stdout).find(({ outcome }) => outcome !== undefined)?.outcome?.status).toBe('built')
  // The next one has nothing to copy.
  expect((await build(kernel.dir, ['gone='])).error).toMatchObject({ kind: 'yours', code: 'NOT_A_KERNEL_TREE' })
})
