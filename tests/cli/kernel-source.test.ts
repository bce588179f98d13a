import { execFile } from 'node:child_process'
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LabError } from '../../orchestrator/host/errors.ts'
import { openKernelSource, type OpenedSource } from '../../orchestrator/kernel/kernel-source.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { temporaryDir } from '../lab-process.ts'

/** Private copies of trees, made with the real git of the toolbox, in a cache of this test's own. */
const signal = new AbortController().signal
let tools: OpenedTools
let cache: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => {
  tools = await openTools('toolbox', { notice: () => undefined, signal })
  cache = await temporaryDir()
  process.env['VFIO_LAB_CACHE'] = cache.path
})
afterAll(async () => {
  await cache[Symbol.asyncDispose]()
  await tools[Symbol.asyncDispose]()
})

const MAKEFILE = 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n'
const KERNEL = { Makefile: MAKEFILE, Kconfig: 'mainmenu "Linux"\n', 'drivers/vfio/vfio_main.c': 'int vfio;\n', '.gitignore': '.*\n!.gitignore\n*.o\n/vmlinux\n/include/config/\n' }

const write = async (dir: string, files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
}

const kernelTree = async (files: Readonly<Record<string, string>> = {}) => {
  const dir = await temporaryDir()
  await write(dir.path, { ...KERNEL, ...files })
  return dir
}

const git = (dir: string, ...args: readonly string[]) =>
  promisify(execFile)('git', ['-C', dir, '-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'init.defaultBranch=main', ...args])

const open = (dir: string, notices: string[] = []): Promise<OpenedSource> =>
  openKernelSource({ kind: 'tree', dir }, { tools, signal, notice: (text) => { notices.push(text) }, onText: () => undefined })

/** Prepares, lets go of the lock and gives the copy's folder. */
const copyOf = async (dir: string): Promise<{ readonly tree: string; readonly key: string }> => {
  await using source = await (await open(dir)).prepare([])
  return { tree: source.slot.tree, key: source.key }
}

const filesOf = async (dir: string) => (await readdir(dir, { recursive: true, withFileTypes: true }))
  .filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)).filter((path) => !path.startsWith('.git/')).toSorted()

const SOURCES = ['.gitignore', 'Kconfig', 'Makefile', 'drivers/vfio/vfio_main.c']

test('a git tree: what is tracked, changed and untracked, without what was deleted or built', async () => {
  await using dir = await kernelTree({ 'gone.c': '', 'drivers/forced.o': 'tracked in spite of .gitignore' })
  await git(dir.path, 'init', '-q')
  await git(dir.path, 'add', '-A')
  await git(dir.path, 'add', '-f', 'drivers/forced.o')
  await git(dir.path, 'commit', '-qm', 'kernel')
  await rm(join(dir.path, 'gone.c'))
  await write(dir.path, { 'drivers/vfio/vfio_main.c': 'int changed;\n', 'drivers/vfio/new.c': 'new\n', 'drivers/vfio/new.o': 'object', '.config': 'CONFIG_X=y\n', 'include/config/auto.conf': '', vmlinux: '' })
  const index = await stat(join(dir.path, '.git', 'index'), { bigint: true })
  const { tree } = await copyOf(dir.path)
  expect(await filesOf(tree)).toEqual([...SOURCES, 'drivers/forced.o', 'drivers/vfio/new.c'].toSorted())
  expect(await readFile(join(tree, 'drivers/vfio/vfio_main.c'), 'utf8')).toBe('int changed;\n')
  expect((await stat(join(dir.path, '.git', 'index'), { bigint: true })).mtimeNs).toBe(index.mtimeNs)
})

test('a worktree of a repository elsewhere', async () => {
  await using main = await kernelTree()
  await using other = await temporaryDir()
  await git(main.path, 'init', '-q')
  await git(main.path, 'add', '-A')
  await git(main.path, 'commit', '-qm', 'kernel')
  await git(main.path, 'worktree', 'add', '-q', join(other.path, 'wt'))
  await write(join(other.path, 'wt'), { 'drivers/untracked.c': '' })
  expect(await filesOf((await copyOf(join(other.path, 'wt'))).tree)).toEqual([...SOURCES, 'drivers/untracked.c'].toSorted())
})

test('a tree without git that was built in place, inside somebody else\'s repository', async () => {
  await using outer = await temporaryDir()
  await git(outer.path, 'init', '-q')
  const dir = join(outer.path, 'linux')
  await write(dir, { ...KERNEL, 'drivers/a.o': '', '.config': '', 'include/config/auto.conf': '', vmlinux: '' })
  expect(await filesOf((await copyOf(dir)).tree)).toEqual(SOURCES)
})

test('a tree without any .gitignore that was built in place', async () => {
  await using dir = await kernelTree({ 'drivers/a.o': '', 'drivers/.a.o.cmd': '', '.config': '', 'include/config/auto.conf': '', 'include/generated/a.h': '', 'arch/x86/include/generated/b.h': '', vmlinux: '' })
  await rm(join(dir.path, '.gitignore'))
  expect(await filesOf((await copyOf(dir.path)).tree)).toEqual(SOURCES.slice(1))
})

test('Debian\'s sources, whose .gitignore names everything', async () => {
  await using dir = await kernelTree({ 'drivers/a.o': '', '.config': '', vmlinux: '', 'x.o': '' })
  await writeFile(join(dir.path, '.gitignore'), `${KERNEL['.gitignore']}\n/*\n!/debian/\n`)
  expect(await filesOf((await copyOf(dir.path)).tree)).toEqual(SOURCES)
  await git(dir.path, 'init', '-q')
  await write(dir.path, { 'drivers/untracked.c': '' })
  expect(await filesOf((await copyOf(dir.path)).tree)).toEqual([...SOURCES, 'drivers/untracked.c'].toSorted())
})

test('odd names, links and modes survive', async () => {
  await using dir = await kernelTree({ 'a b\tc\nd "e" *.c': 'odd', 'scripts/run.sh': '#!/bin/sh\n' })
  const latin = Buffer.concat([Buffer.from(`${dir.path}/`), Buffer.from([0x66, 0xff, 0xe9])])
  await writeFile(latin, 'bytes')
  await chmod(join(dir.path, 'scripts/run.sh'), 0o755)
  await symlink('../drivers', join(dir.path, 'scripts/link'))
  await symlink('/nowhere', join(dir.path, 'dangling'))
  const { tree } = await copyOf(dir.path)
  expect(await readFile(join(tree, 'a b\tc\nd "e" *.c'), 'utf8')).toBe('odd')
  expect(await readFile(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x66, 0xff, 0xe9])]), 'utf8')).toBe('bytes')
  expect((await stat(join(tree, 'scripts/run.sh'))).mode & 0o777).toBe(0o755)
  expect(await readlink(join(tree, 'scripts/link'))).toBe('../drivers')
  expect(await readlink(join(tree, 'dangling'))).toBe('/nowhere')
})

test('going forward, only what changed is written', async () => {
  await using dir = await kernelTree({ 'kept.c': 'kept', 'gone/deep/a.c': 'a', 'file': 'f', 'folder/in.c': 'in' })
  const first = await copyOf(dir.path)
  const inodeOf = async (path: string) => (await lstat(join(first.tree, path))).ino
  const before = { kept: await inodeOf('kept.c'), changed: await inodeOf('Kconfig'), touched: await inodeOf('Makefile') }
  await rm(join(dir.path, 'gone'), { recursive: true })
  await rm(join(dir.path, 'file'))
  await rm(join(dir.path, 'folder'), { recursive: true })
  await write(dir.path, { Kconfig: 'mainmenu "Other"\n', 'file/now-a-folder.c': '', folder: 'now a file' })
  await utimes(join(dir.path, 'Makefile'), new Date(), new Date())
  const second = await copyOf(dir.path)
  expect(second.tree).toBe(first.tree)
  expect(second.key).not.toBe(first.key)
  expect(await filesOf(second.tree)).toEqual([...SOURCES, 'file/now-a-folder.c', 'folder', 'kept.c'].toSorted())
  expect(await inodeOf('kept.c')).toBe(before.kept)
  expect(await inodeOf('Makefile')).toBe(before.touched)
  expect(await inodeOf('Kconfig')).not.toBe(before.changed)
  expect(await readFile(join(second.tree, 'Kconfig'), 'utf8')).toBe('mainmenu "Other"\n')
  expect(await readdir(join(second.tree))).not.toContain('gone')
})

test('the key is of the content, wherever it lies, and of nothing else', async () => {
  await using one = await kernelTree()
  await using two = await kernelTree()
  const key = (await open(one.path)).key
  expect((await open(two.path)).key).toBe(key)
  await utimes(join(two.path, 'Kconfig'), new Date(0), new Date(0))
  expect((await open(two.path)).key).toBe(key)
  await chmod(join(two.path, 'Kconfig'), 0o755)
  expect((await open(two.path)).key).not.toBe(key)
  await rename(join(one.path, 'Kconfig'), join(one.path, 'Kconfig.old'))
  await write(one.path, { Kconfig: 'x' })
  expect((await open(one.path)).key).not.toBe(key)
})

test('a change that keeps size and time is seen', async () => {
  await using dir = await kernelTree({ 'a.c': 'one' })
  const { key } = await open(dir.path)
  const { atime, mtime } = await stat(join(dir.path, 'a.c'))
  await writeFile(join(dir.path, 'a.c'), 'two')
  await utimes(join(dir.path, 'a.c'), atime, mtime)
  expect((await open(dir.path)).key).not.toBe(key)
})

test('two at once: the second waits and says so', async () => {
  await using dir = await kernelTree()
  const first = await (await open(dir.path)).prepare([])
  const notices: string[] = []
  const second = (await open(dir.path, notices)).prepare([])
  await expect.poll(() => notices.join()).toMatch(/another lab builds from .*waiting/)
  await first[Symbol.asyncDispose]()
  await using source = await second
  expect(source.key).toBe(first.key)
})

const codeOf = async (work: Promise<unknown>) => {
  try {
    await work
    return 'none'
  } catch (error) {
    return error instanceof LabError ? `${error.kind}/${error.code}: ${error.message}` : error
  }
}

test('what is no kernel tree is named as such', async () => {
  await using dir = await temporaryDir()
  expect(await codeOf(open(join(dir.path, 'nowhere')))).toMatch(/^yours\/NOT_A_KERNEL_TREE: .*nowhere is no kernel tree: it is no folder/)
  expect(await codeOf(open(dir.path))).toMatch(/^yours\/NOT_A_KERNEL_TREE: .*no Makefile/)
  await write(dir.path, { Makefile: MAKEFILE })
  expect(await codeOf(open(dir.path))).toMatch(/no Kconfig/)
  await write(dir.path, { Kconfig: '' })
  expect(await codeOf(open(dir.path))).toMatch(/no drivers\/vfio/)
})

test('a tree that never holds still is refused, and the copy mends itself afterwards', async () => {
  await using dir = await kernelTree({ 'busy.c': '0' })
  // Somebody writes each time that the files are listed, between one look and the next.
  let count = 0
  const command: OpenedTools['command'] = (invocation) => {
    writeFileSync(join(dir.path, 'busy.c'), String(++count))
    return tools.command(invocation)
  }
  const opened = await openKernelSource({ kind: 'tree', dir: dir.path }, { tools: { ...tools, command }, signal, notice: () => undefined, onText: () => undefined })
  expect(await codeOf(opened.prepare([]))).toMatch(/^yours\/TREE_CHANGES: /)
  await writeFile(join(dir.path, 'busy.c'), 'still')
  expect(await readFile(join((await copyOf(dir.path)).tree, 'busy.c'), 'utf8')).toBe('still')
})

test('a copy that was killed half-way is mended', async () => {
  await using dir = await kernelTree({ 'a.c': 'one', 'b.c': 'one' })
  const { tree, key } = await copyOf(dir.path)
  await write(dir.path, { 'a.c': 'two', 'new.c': 'new' })
  // As a kill leaves it: on record that these may hold anything, one of them written, one half.
  const record = join(dirname(tree), 'holds')
  const held = (await readFile(record, 'latin1')).split('\0').map((line) => (line.endsWith('\ta.c') ? 'file\t\t\ta.c' : line))
  await writeFile(record, [...held, 'file\t\t\tnew.c', 'file\t\t\tother.c', ''].join('\0'), 'latin1')
  await write(tree, { 'a.c': 't', 'other.c': 'of a state that is gone', 'a.c.lab-new': 'half' })
  const mended = await copyOf(dir.path)
  expect(mended.key).not.toBe(key)
  expect(await readFile(join(tree, 'a.c'), 'utf8')).toBe('two')
  expect(await readFile(join(tree, 'new.c'), 'utf8')).toBe('new')
  expect(await filesOf(tree)).toEqual([...SOURCES, 'a.c', 'b.c', 'new.c'].toSorted())
})

test.each(['git', 'plain'])('a %s tree that is deleted between looking and copying is told as such', async (kind) => {
  await using dir = await kernelTree({ 'drivers/vfio/group.c': 'int group;\n' })
  if (kind === 'git') await git(dir.path, 'init')
  const opened = await open(dir.path)
  await rm(dir.path, { recursive: true, force: true })
  await expect(opened.prepare([])).rejects.toMatchObject({ kind: 'yours', code: 'NOT_A_KERNEL_TREE', message: expect.stringContaining(dir.path) as string })
})

test('one that goes away while it is copied, too', async () => {
  await using dir = await kernelTree(Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`drivers/vfio/f${index}.c`, `int f${index};\n`])))
  const opened = await openKernelSource({ kind: 'tree', dir: dir.path }, {
    tools, signal, notice: () => undefined,
    onText: (text) => { if (text.startsWith('bringing')) setTimeout(() => { rmSync(dir.path, { recursive: true, force: true }) }, 30) },
  })
  await expect(opened.prepare([])).rejects.toMatchObject({ kind: 'yours' })
})
