import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { readRange } from '../../orchestrator/kernel/git-range.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { callLab, temporaryDir } from '../lab-process.ts'
import { miniKernel } from './mini-kernel.ts'

/** Commits of a repository as kernels: v1 - one - two (main), and a branch with a merge. */
const signal = new AbortController().signal
/** Where the toolbox is already. */
const toolboxes = dirname(cacheDir('toolbox'))
let tools: OpenedTools
let cache: Awaited<ReturnType<typeof temporaryDir>>
let kernel: Awaited<ReturnType<typeof miniKernel>>
const git = async (...args: readonly string[]) => (await execa('git', ['-C', kernel.dir, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args])).stdout
const commit = async (subject: string, files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) await kernel.write(path, text)
  await git('add', '-A')
  await git('commit', '-qm', subject)
}
beforeAll(async () => {
  tools = await openTools('toolbox', { notice: () => undefined, signal })
})
beforeEach(async () => {
  cache = await temporaryDir()
  process.env['VFIO_LAB_CACHE'] = cache.path
  kernel = await miniKernel({ 'one.c': 'int one;\n', 'two.c': 'int two;\n' })
  await git('init', '-q', '-b', 'main')
  await commit('v1', {})
  await git('tag', 'v1')
  await commit('one: becomes 1', { 'one.c': 'int one = 1;\n' })
  await commit('two: becomes 2', { 'two.c': 'int two = 2;\n', 'new.c': 'int fresh;\n' })
  return async () => {
    await kernel[Symbol.asyncDispose]()
    await cache[Symbol.asyncDispose]()
  }
})
afterAll(() => tools[Symbol.asyncDispose]())

const freePort = (): Promise<number> => new Promise((resolve, reject) => {
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => { if (typeof address === 'object' && address !== null) resolve(address.port) })
  })
})

const context = () => ({ tools, signal, notice: () => undefined, onText: () => undefined })
const prepared = async (ref: string) => {
  const opened = await openKernelSource({ kind: 'git', dir: kernel.dir, ref }, context())
  await using source = await opened.prepare([])
  const files = (await readdir(source.slot.tree)).filter((name) => name.endsWith('.c')).toSorted()
  return {
    record: source.record, key: opened.key, tree: source.slot.tree,
    files: Object.fromEntries(await Promise.all(files.map(async (name) => [name, await readFile(join(source.slot.tree, name), 'utf8')] as const))),
  }
}

describe('a commit', () => {
  test('is built as it was, whatever the work tree is, and the repository stays as it is', async () => {
    await kernel.write('one.c', 'not committed\n')
    // Asking refreshes the index, so it comes first.
    const before = await git('status', '--porcelain')
    const index = await stat(join(kernel.dir, '.git', 'index'), { bigint: true })
    const v1 = await prepared('v1')
    expect(v1.files).toEqual({ 'one.c': 'int one;\n', 'two.c': 'int two;\n' })
    expect(v1.record).toMatchObject({ kind: 'git', ref: 'v1', version: expect.stringMatching(/^7\.3\.0-mini \([0-9a-f]{12}\)$/) as unknown })
    expect((await stat(join(kernel.dir, '.git', 'index'), { bigint: true })).mtimeNs).toBe(index.mtimeNs)
    expect(await git('status', '--porcelain')).toBe(before)
  })

  test('after another one writes only what differs', async () => {
    const { tree } = await prepared('v1')
    const before = await stat(join(tree, 'two.c'), { bigint: true })
    const next = await prepared('v1~0')
    const one = await prepared('main~1')
    expect(next.key).not.toBe(one.key)
    expect(one.files).toEqual({ 'one.c': 'int one = 1;\n', 'two.c': 'int two;\n' })
    expect((await stat(join(tree, 'two.c'), { bigint: true })).mtimeNs).toBe(before.mtimeNs)
    expect((await prepared('main')).files).toEqual({ 'new.c': 'int fresh;\n', 'one.c': 'int one = 1;\n', 'two.c': 'int two = 2;\n' })
    expect((await prepared('v1')).files).toEqual({ 'one.c': 'int one;\n', 'two.c': 'int two;\n' })
  })

  test.each([
    ['an unknown name', 'v9', 'NO_SUCH_REF'],
    ['something that looks like a flag', '--help', 'NO_SUCH_REF'],
  ])('%s is refused', async (_, ref, code) => {
    await expect(prepared(ref)).rejects.toMatchObject({ kind: 'yours', code })
  })

  test('of a folder without a repository is refused', async () => {
    await using dir = await temporaryDir()
    await expect(openKernelSource({ kind: 'git', dir: dir.path, ref: 'main' }, context())).rejects.toMatchObject({ kind: 'yours', code: 'NOT_A_REPOSITORY' })
    await expect(openKernelSource({ kind: 'git', dir: join(dir.path, 'none'), ref: 'main' }, context())).rejects.toMatchObject({ kind: 'yours', code: 'NOT_A_REPOSITORY' })
  })
})

describe('a repository on the network', () => {
  /** A server of git's own protocol on loopback, until disposed. */
  const serve = async () => {
    const port = await freePort()
    const daemon = execa('git', ['daemon', '--reuseaddr', '--export-all', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${dirname(kernel.dir)}`], { reject: false })
    const url = `git://127.0.0.1:${port}/${basename(kernel.dir)}`
    for (let left = 50; (await execa('git', ['ls-remote', url], { reject: false })).exitCode !== 0; left--) {
      if (left === 0) throw new Error('git daemon does not answer')
      await sleep(100)
    }
    return { url, [Symbol.asyncDispose]: async () => { daemon.kill(); await daemon } }
  }
  const fetched = async (url: string, ref: string, notices: string[] = []) => {
    const opened = await openKernelSource({ kind: 'git-url', url, ref }, { ...context(), notice: (text) => { notices.push(text) } })
    await using source = await opened.prepare([])
    return { version: source.record.version, one: await readFile(join(source.slot.tree, 'one.c'), 'utf8') }
  }

  test('gives a tag, a branch and a commit; a branch that went on is fetched again', async () => {
    await using server = await serve()
    await git('tag', '-a', '-m', 'annotated', 'v2', 'main')
    expect(await fetched(server.url, 'v1')).toMatchObject({ one: 'int one;\n' })
    expect(await fetched(server.url, 'v2')).toMatchObject({ one: 'int one = 1;\n' })
    expect((await fetched(server.url, 'main')).version).toContain((await git('rev-parse', 'main')).slice(0, 12))
    expect(await fetched(server.url, await git('rev-parse', 'v1'))).toMatchObject({ one: 'int one;\n' })
    await commit('one: becomes 11', { 'one.c': 'int one = 11;\n' })
    expect(await fetched(server.url, 'main')).toMatchObject({ one: 'int one = 11;\n' })
  })

  test('that cannot be reached any more is what it was, and that is said; one never seen is an error of the network', async () => {
    const { url, version } = await (async () => {
      await using server = await serve()
      return { url: server.url, ...await fetched(server.url, 'main') }
    })()
    const notices: string[] = []
    expect((await fetched(url, 'main', notices)).version).toBe(version)
    expect(notices.join()).toMatch(/cannot be reached: main is what it was/)
    await expect(fetched(url, 'v1')).rejects.toMatchObject({ kind: 'lab', code: 'NO_NETWORK' })
  })

  test('that lacks the name, or is none, is refused', async () => {
    await using server = await serve()
    await expect(fetched(server.url, 'v9')).rejects.toMatchObject({ kind: 'yours', code: 'NO_SUCH_REF' })
    await expect(fetched(server.url, '0'.repeat(40))).rejects.toMatchObject({ kind: 'yours', code: 'NO_SUCH_REF' })
    await expect(fetched(`${server.url}-none`, 'main')).rejects.toMatchObject({ kind: 'yours', code: 'NOT_A_REPOSITORY' })
  })
})

describe('a range', () => {
  const range = (text: string) => readRange(kernel.dir, text, tools, signal)

  test('is its commits as patches, and the commit before them', async () => {
    const { base, patches } = await range('v1..main')
    expect(base).toBe(await git('rev-parse', 'v1'))
    expect(patches.map(({ title }) => title)).toEqual(['one: becomes 1', 'two: becomes 2'])
    expect((await range('main~1..')).patches.map(({ title }) => title)).toEqual(['two: becomes 2'])
  })

  test('goes onto its base and gives its tip', async () => {
    const { base, patches } = await range('v1..main')
    await using source = await (await openKernelSource({ kind: 'git', dir: kernel.dir, ref: base }, context(), patches)).prepare([])
    expect(await readFile(join(source.slot.tree, 'new.c'), 'utf8')).toBe('int fresh;\n')
    expect(await readFile(join(source.slot.tree, 'one.c'), 'utf8')).toBe('int one = 1;\n')
  })

  test.each([
    ['no range', 'main', 'BAD_RANGE'],
    ['three dots', 'v1...main', 'BAD_RANGE'],
    ['an unknown end', 'v1..v9', 'NO_SUCH_REF'],
    ['the wrong way round', 'main..v1', 'RANGE_EMPTY'],
  ])('%s is refused', async (_, text, code) => {
    await expect(range(text)).rejects.toMatchObject({ kind: 'yours', code })
  })

  test('of a tree with changes that no commit holds is refused, untracked files do not matter', async () => {
    await kernel.write('untracked.c', '')
    await range('v1..main')
    await kernel.write('one.c', 'int one = 3;\n')
    await expect(range('v1..main')).rejects.toThrow(/one\.c/)
  })

  test('with a merge is refused', async () => {
    await git('checkout', '-q', '-b', 'side', 'v1')
    await commit('side', { 'side.c': 'int side;\n' })
    await git('merge', '-q', '--no-edit', 'main')
    await expect(range('v1..side')).rejects.toMatchObject({ code: 'RANGE_MERGES' })
  })

  test('is refused on the command line before anything starts', async () => {
    const { exitCode, stderr } = await callLab(['run', '--tree', kernel.dir, '--range', 'v1..v9'], { env: { VFIO_LAB_CACHE: toolboxes } })
    expect(stderr).toMatch(/has no commit v9/)
    expect(exitCode).toBe(2)
  })
})
