import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { plantedBugs } from '../bugs/bug-header.ts'
import { callLab, readResults, temporaryDir } from '../lab-process.ts'

/** A series on Debian's kernel, held against the kernel without it, in one cell. */
const judge = async (patch: string, suite: string) => {
  await using out = await temporaryDir()
  const ended = await callLab(['run', '--patch', patch, '--base', '--config', 'noiommu', '--machine', 'intel', '--suite', suite, '--out', join(out.path, 'run')])
  return { ...ended, results: await readResults(join(out.path, 'run')), kept: await readFile(join(out.path, 'run/patches/0001-vfio-one-word-more.patch'), 'utf8').catch(() => undefined) }
}

const HARMLESS = `From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001
From: A Developer <a@example.org>
Subject: [PATCH] vfio: one word more

---
--- /dev/null
+++ b/drivers/vfio/harmless.txt
@@ -0,0 +1 @@
+nothing is compiled for this
`

test('a bug in a patch is told as the patch\'s: exit 1, broken against the base', async () => {
  const bug = plantedBugs().find(({ name }) => name.startsWith('01-'))
  if (bug === undefined) throw new Error('there is no bug 01')
  const { exitCode, stdout, stderr, results } = await judge(bug.patch, 'cdev-bind')
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^ {2}BROKEN cdev-bind\//m)
  expect(stdout).toMatch(/1 of 1 steps makes something worse, the first is: debian\+patched/)
  expect(results?.cells.map(({ kernel, status }) => [kernel.name, kernel.patches.length, status])).toEqual([['debian', 0, 'ok'], ['debian+patched', 1, 'failed']])
  expect(exitCode).toBe(1)
}, 30 * 60_000)

test('a patch that does nothing makes no difference, and is kept with the run', async () => {
  await using dir = await temporaryDir()
  const patch = join(dir.path, 'series.mbox')
  await writeFile(patch, HARMLESS)
  const { exitCode, stdout, kept } = await judge(patch, 'cdev-bind')
  expect(stdout).toContain('nothing is worse with the patches')
  expect(kept).toContain('+nothing is compiled for this')
  expect(exitCode).toBe(0)
}, 30 * 60_000)
