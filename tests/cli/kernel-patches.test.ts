import { readdir, readFile, stat, writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { buildConfigs, type BuildOptions } from '../../orchestrator/kernel/build-configs.ts'
import type { KernelPatch } from '../../orchestrator/kernel/kernel-input.ts'
import { readPatches } from '../../orchestrator/kernel/read-patches.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { callLab, temporaryDir } from '../lab-process.ts'
import { miniKernel } from './mini-kernel.ts'

/** Series on a tree that compiles in a second: real git applies them, real make builds. */
const signal = new AbortController().signal
/** Where the toolbox is already. */
const cacheDirOfTools = cacheDir('toolbox')
let tools: OpenedTools
let cache: Awaited<ReturnType<typeof temporaryDir>>
let kernel: Awaited<ReturnType<typeof miniKernel>>
const ONE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
beforeAll(async () => {
  tools = await openTools('toolbox', { notice: () => undefined, signal })
})
beforeEach(async () => {
  cache = await temporaryDir()
  process.env['VFIO_LAB_CACHE'] = cache.path
  kernel = await miniKernel({ 'one.c': ONE.map((name) => `int ${name};\n`).join(''), 'two.c': 'int two;\n', 'three.c': 'int three;\n' })
  await writeFile(join(cache.path, 'base'), '# base\n')
  return async () => {
    await kernel[Symbol.asyncDispose]()
    await cache[Symbol.asyncDispose]()
  }
})
afterAll(() => tools[Symbol.asyncDispose]())

const openBuilds = (patches: readonly KernelPatch[], configs: readonly string[], onProgress: BuildOptions['onProgress']) =>
  buildConfigs({ name: 'mini', source: { kind: 'tree', dir: kernel.dir }, patches }, configs.map((name) => ({ name, fragments: [] })), {
    tools, baseConfig: join(cache.path, 'base'), upTo: 'built', limits: { buildMs: 600_000, storeBytes: 2 ** 32, sourceTrees: 8 }, signal, notice: () => undefined, onProgress,
  })

/** Builds and gives what the kernel is made of, and how many objects were compiled for it. */
const build = async (patches: readonly KernelPatch[], configs: readonly string[] = ['plain']) => {
  const compiled = new Set<string>()
  await using builds = await openBuilds(patches, configs, (progress) => { if (progress.phase === 'stored' && !progress.fromStore) compiled.add(progress.config) })
  const tree = join(cache.path, 'kernel', 'sources')
  const slot = (await readdir(tree)).find((name) => name.endsWith('+patched'))
  return {
    version: builds.source.version,
    compiled: [...compiled],
    status: [...builds.outcomes.values()].map(({ status }) => status),
    because: [...builds.outcomes.values()].map((outcome) => (outcome.status === 'build-failed' ? outcome.because : '')),
    patched: (path: string) => readFile(join(tree, slot ?? 'none', 'tree', path), 'utf8'),
    at: async (config: string, object: string) => (await stat(join(tree, slot ?? 'none', 'tree', `.objects-${config}`, object))).mtimeMs,
  }
}

const patch = (title: string, path: string, removed: string, added: string): KernelPatch =>
  ({ title, text: `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${removed}\n+${added}\n` })
const TWO = patch('two becomes 2', 'two.c', 'int two;', 'int two = 2;')
const NEW: KernelPatch = { title: 'four comes', text: 'diff --git a/four.c b/four.c\nnew file mode 100644\n--- /dev/null\n+++ b/four.c\n@@ -0,0 +1 @@\n+int four;\n' }
const GONE: KernelPatch = { title: 'three goes', text: 'diff --git a/three.c b/three.c\ndeleted file mode 100644\n--- a/three.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int three;\n' }

test('a series is built on a copy, from the objects of the source, and only what it changes is compiled', async () => {
  await build([], ['plain', 'other'])
  const built = await build([TWO, NEW, GONE], ['plain', 'other'])
  expect(built.version).toMatch(/ \+ 3 patches$/)
  expect(built.status).toEqual(['built', 'built'])
  expect(await built.patched('two.c')).toBe('int two = 2;\n')
  expect(await built.patched('four.c')).toBe('int four;\n')
  await expect(built.patched('three.c')).rejects.toThrow('ENOENT')
  for (const config of ['plain', 'other']) expect(await built.at(config, 'one.o')).toBeLessThan(await built.at(config, 'two.o'))
  expect((await readdir(kernel.dir)).filter((name) => name.endsWith('.c')).toSorted()).toEqual(['one.c', 'three.c', 'two.c'])
})

test('the same series again builds nothing; another one starts from there and takes nothing of the first along', async () => {
  await build([])
  await build([TWO, NEW])
  expect((await build([TWO, NEW])).compiled).toEqual([])
  const other = await build([{ title: 'one', text: 'diff --git a/one.c b/one.c\n--- a/one.c\n+++ b/one.c\n@@ -1,3 +1,3 @@\n-int a;\n+int a = 1;\n int b;\n int c;\n' }])
  expect(other.compiled).toEqual(['plain'])
  expect(await other.patched('two.c')).toBe('int two;\n')
  await expect(other.patched('four.c')).rejects.toThrow('ENOENT')
})

test('a change of the source is seen under the series', async () => {
  await build([TWO])
  await kernel.write('one.c', 'int a = 1;\n')
  const built = await build([TWO])
  expect(built.compiled).toEqual(['plain'])
  expect(await built.patched('one.c')).toBe('int a = 1;\n')
  expect(await built.patched('two.c')).toBe('int two = 2;\n')
})

test('what does not compile any more is told with file and line, and whether the series changes that file', async () => {
  await build([])
  const own = await build([patch('bad', 'two.c', 'int two;', 'int two = no;')])
  expect(own.status).toEqual(['build-failed'])
  expect(own.because[0]).toMatch(/^two\.c:1:\d+: error: .*no.* \(a file that the patches change\)$/)
  await kernel.write('three.c', 'int three = no;\n')
  expect((await build([TWO])).because[0]).toMatch(/^three\.c:1:\d+: error: .* \(a file that no patch changes\)$/)
})

describe('a series that does not apply', () => {
  const refused = async (patches: readonly KernelPatch[]) => build(patches).then(() => { throw new Error('it applied') }, (error: unknown) => error)

  test('names the patch, the file and the hunk', async () => {
    const wrong: KernelPatch = { title: 'wrong', text: 'diff --git a/one.c b/one.c\n--- a/one.c\n+++ b/one.c\n@@ -1,3 +1,3 @@\n-int a;\n+int a = 1;\n int b;\n int c;\n@@ -7,3 +7,3 @@ f\n int g;\n int h;\n-int nine;\n+int i = 1;\n' }
    const error = await refused([TWO, wrong])
    expect(error).toMatchObject({ kind: 'yours', code: 'PATCH_DOES_NOT_APPLY' })
    expect(String(error)).toMatch(/patch 2 of 2 "wrong" does not apply to .*: one\.c, hunk 2 of 2 \(@@ -7,3 \+7,3 @@ f\)/)
  })

  test('because its file is not there, or is there already', async () => {
    expect(String(await refused([patch('x', 'nine.c', 'a', 'b')]))).toMatch(/nine\.c: No such file/)
    expect(String(await refused([{ ...NEW, text: NEW.text.replaceAll('four.c', 'two.c') }]))).toMatch(/two\.c: already exists/)
  })

  test('because the tree has it: that is said', async () => {
    await kernel.write('two.c', 'int two = 2;\n')
    expect(await refused([TWO])).toMatchObject({ hint: 'this tree has the patch already' })
  })

  test('leaves the next one alone', async () => {
    await refused([patch('x', 'two.c', 'a', 'b')])
    expect((await build([TWO])).status).toEqual(['built'])
  })
})

test('of a longer series, what does not apply is said before the first state of it is configured', async () => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, '1.patch'), TWO.text)
  await writeFile(join(dir.path, '2.patch'), patch('x', 'three.c', 'int drei;', 'int trois;').text)
  const env = { VFIO_LAB_CACHE: cache.path }
  await execa('ln', ['-s', cacheDirOfTools, join(cache.path, 'toolbox')])
  const { exitCode, stderr } = await callLab(['plan', '--tree', kernel.dir, '--patch', dir.path, '--each'], { cwd: dir.path, env })
  expect(stderr).toMatch(/patch 2 of 2 .* does not apply to .*: three\.c, hunk 1 of 1/)
  expect(exitCode).toBe(2)
  const sources = await readdir(join(cache.path, 'kernel', 'sources'))
  expect(sources.filter((name) => name.endsWith('+patched'))).toEqual([])
})

test('a warning that a patch brings is told with the kernel, and goes when its file is compiled without it', async () => {
  const warnings = async (patches: readonly KernelPatch[]) => {
    await using builds = await openBuilds(patches, ['plain'], () => undefined)
    const [outcome] = builds.outcomes.values()
    return outcome?.status === 'built' || outcome?.status === 'build-failed' ? outcome.warnings : undefined
  }
  const WARNS = patch('two warns', 'two.c', 'int two;', '#warning "two is odd"')
  const NEVER = patch('three fails', 'three.c', 'int three;', 'int three = ;')
  const told = [{ file: 'two.c', line: 1, text: '#warning "two is odd" [-Wcpp]' }]
  expect(await warnings([])).toEqual([])
  expect(await warnings([WARNS])).toEqual(told)
  expect(await warnings([WARNS, NEW])).toEqual(told)
  expect(await warnings([WARNS, NEVER])).toEqual(told)
  expect(await warnings([TWO])).toEqual([])
  // From the store.
  expect(await warnings([WARNS])).toEqual(told)
})

describe('where a series comes from', () => {
  let dir: Awaited<ReturnType<typeof temporaryDir>>
  const text = (n: number, of: number) => `From 0123456789abcdef Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH ${n}/${of}] step ${n}\n\nWhy.\n---\n${TWO.text}-- \n2.47.0\n\n`
  const titles = async (...paths: readonly string[]) => (await readPatches(paths.map((path) => (path === '-' ? path : join(dir.path, path))), Readable.from([text(2, 2), text(1, 2)]))).map(({ title }) => title)
  beforeEach(async () => {
    dir = await temporaryDir()
    return () => dir[Symbol.asyncDispose]()
  })

  test('a pipe, a file, several files, a folder', async () => {
    await writeFile(join(dir.path, '0001-b.patch'), text(1, 2))
    await writeFile(join(dir.path, '0002-a.patch'), text(2, 2))
    await writeFile(join(dir.path, '0000-cover-letter.patch'), 'Subject: [PATCH 0/2] both\n\nAll.\n')
    await writeFile(join(dir.path, 'notes.txt'), 'no patch')
    expect(await titles('-')).toEqual(['step 1', 'step 2'])
    expect(await titles('0002-a.patch', '0001-b.patch')).toEqual(['step 2', 'step 1'])
    expect(await titles('.')).toEqual(['step 1', 'step 2'])
  })

  test('a quilt series, in its own order', async () => {
    await mkdir(join(dir.path, 'patches'))
    await writeFile(join(dir.path, 'patches/z.diff'), TWO.text)
    await writeFile(join(dir.path, 'patches/a.diff'), NEW.text)
    await writeFile(join(dir.path, 'patches/series'), '# first\nz.diff -p1 # why\n\na.diff\n')
    expect((await titles('patches')).map((title) => title.slice(-6))).toEqual(['z.diff', 'a.diff'])
    await writeFile(join(dir.path, 'patches/series'), 'z.diff -p0\n')
    await expect(titles('patches')).rejects.toThrow(/wants -p0/)
    await writeFile(join(dir.path, 'patches/series'), 'gone.diff\n')
    await expect(titles('patches')).rejects.toThrow(/gone\.diff cannot be read/)
  })
})

test('on the command line what is no patch is refused before anything starts, on one screen, and leaves nothing', async () => {
  await using dir = await temporaryDir()
  const wrong = { 'page.html': '<!DOCTYPE html>', 'prose.patch': 'Hello', 'dos.patch': TWO.text.replaceAll('\n', '\r\n'), 'out.patch': TWO.text.replaceAll('two.c', '../two.c') }
  for (const [name, content] of Object.entries(wrong)) await writeFile(join(dir.path, name), content)
  const before = await readdir(dir.path)
  for (const [args, words] of [
    [['--patch', 'page.html'], /page of HTML/], [['--patch', 'prose.patch'], /holds no patch/], [['--patch', 'dos.patch'], /line ends of Windows/],
    [['--patch', 'out.patch'], /not in the tree/], [['--patch', 'missing.patch'], /cannot be read/], [['--base'], /there are none/],
  ] as const) {
    const { exitCode, stderr } = await callLab(['run', ...args], { cwd: dir.path })
    expect(stderr).toMatch(words)
    expect(stderr.split('\n').length).toBeLessThan(15)
    expect(exitCode).toBe(2)
  }
  const piped = await execa(join(import.meta.dirname, '..', '..', 'lab'), ['plan', '--patch', '-'], { cwd: dir.path, input: '', reject: false })
  expect(piped.stderr).toMatch(/standard input holds no patch/)
  expect(await readdir(dir.path)).toEqual(before)
})
