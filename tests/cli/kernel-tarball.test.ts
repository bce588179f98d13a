import { readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'
import { miniKernel } from './mini-kernel.ts'

/** A tree as a tarball, unpacked by the toolbox's own tar. */
const signal = new AbortController().signal
let tools: OpenedTools
let place: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => {
  tools = await openTools('toolbox', { notice: () => undefined, signal })
})
beforeEach(async () => {
  place = await temporaryDir()
  process.env['VFIO_LAB_CACHE'] = join(place.path, 'cache')
  return () => place[Symbol.asyncDispose]()
})
afterAll(() => tools[Symbol.asyncDispose]())

const file = (name: string) => join(place.path, name)
const open = (name: string) => openKernelSource({ kind: 'tarball', file: file(name) }, { tools, signal, notice: () => undefined, onText: () => undefined })
const pack = (dir: string, name: string) => execa('tar', ['-caf', file(name), '-C', dirname(dir), basename(dir)])

test.each(['linux.tar', 'linux.tar.gz', 'linux.tar.xz'])('%s is a kernel, known by its content', async (name) => {
  await using kernel = await miniKernel({ 'one.c': 'int one;\n' })
  await pack(kernel.dir, name)
  const opened = await open(name)
  await using source = await opened.prepare([])
  expect(await readFile(join(source.slot.tree, 'one.c'), 'utf8')).toBe('int one;\n')
  expect(source.record).toMatchObject({ kind: 'tarball', version: expect.stringMatching(new RegExp(`^${name} \\([0-9a-f]{12}\\)$`)) as unknown })
  await kernel.write('one.c', 'int changed;\n')
  await pack(kernel.dir, name)
  expect((await open(name)).key).not.toBe(opened.key)
})

test('patches go onto it', async () => {
  await using kernel = await miniKernel({ 'one.c': 'int one;\n' })
  await pack(kernel.dir, 'linux.tar')
  const patch = { title: 'one', text: '--- a/one.c\n+++ b/one.c\n@@ -1 +1 @@\n-int one;\n+int one = 1;\n' }
  const opened = await openKernelSource({ kind: 'tarball', file: file('linux.tar') }, { tools, signal, notice: () => undefined, onText: () => undefined }, [patch])
  await using source = await opened.prepare([])
  expect(await readFile(join(source.slot.tree, 'one.c'), 'utf8')).toBe('int one = 1;\n')
})

test('what is no tarball, or holds no kernel, is refused and leaves nothing', async () => {
  await writeFile(file('prose.tar.xz'), 'Hello\n')
  await using other = await temporaryDir()
  await writeFile(join(other.path, 'Makefile'), 'all:\n')
  await pack(other.path, 'other.tar')
  await expect(open('missing.tar')).rejects.toMatchObject({ kind: 'yours', code: 'NO_TARBALL' })
  for (const [name, words] of [['prose.tar.xz', /cannot be unpacked/], ['other.tar', /holds no kernel tree: it has no Makefile with VERSION/]] as const) {
    const opened = await open(name)
    await expect(opened.prepare([])).rejects.toThrow(words)
    await expect(opened.prepare([])).rejects.toMatchObject({ kind: 'yours', code: 'BAD_TARBALL' })
  }
})
