import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { plantedBugs } from '../bugs/bug-header.ts'
import { callLab, readResults, temporaryDir } from '../lab-process.ts'
import { bisects } from './bisect-items.ts'
import { campaign } from './campaign.ts'

/** Series on Debian's kernel, held against the kernel without them, in one cell. */
const judge = async (...args: readonly string[]) => {
  await using out = await temporaryDir()
  const dir = join(out.path, 'run')
  const ended = await callLab(['run', '--base', '--config', 'noiommu', '--machine', 'none', '--out', dir, ...args])
  expect(ended.stderr).toBe('')
  return { ...ended, results: await readResults(dir), kept: await readFile(join(dir, 'patches/0001-vfio-one-word-more.patch'), 'utf8').catch(() => '') }
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

await campaign({
  name: 'patches against their base',
  sample: 1,
  items: [
    {
      name: 'a bug is told as the patch\'s',
      check: async () => {
        const bug = plantedBugs().find(({ name }) => name.startsWith('08-'))
        const { exitCode, stdout, results } = await judge('--patch', bug?.patch ?? '', '--suite', 'config-space')
        expect(stdout).toMatch(/^ {2}BROKEN config-space\/bar-sizing/m)
        expect(stdout).toMatch(/1 of 1 steps makes something worse, the first is: debian\+patched/)
        expect(results?.cells.map(({ kernel, status }) => [kernel.name, kernel.patches.length, status])).toEqual([['debian', 0, 'ok'], ['debian+patched', 1, 'failed']])
        expect(exitCode).toBe(1)
      },
    },
    {
      name: 'what does nothing makes no difference, and is kept with the run',
      check: async () => {
        await using dir = await temporaryDir()
        const patch = join(dir.path, 'series.mbox')
        await writeFile(patch, HARMLESS)
        const { exitCode, stdout, kept } = await judge('--patch', patch, '--suite', 'config-space')
        expect(stdout).toContain('nothing is worse with the patches')
        expect(kept).toContain('+nothing is compiled for this')
        expect(exitCode).toBe(0)
      },
    },
    {
      name: 'of five patches the one that breaks a case is named',
      check: async () => {
        const { exitCode, stdout, results } = await judge('--each', '--patch', join(import.meta.dirname, '..', 'series', 'one-of-five-breaks.mbox'), '--suite', 'config-space')
        expect(results?.cells.map(({ kernel, status }) => [kernel.name, status]))
          .toEqual([['debian', 'ok'], ['debian+1', 'ok'], ['debian+2', 'ok'], ['debian+3', 'failed'], ['debian+4', 'failed'], ['debian+5', 'failed']])
        expect(stdout).toMatch(/1 of 5 steps makes something worse, the first is: debian\+3: vfio\/pci: drop needless parentheses/)
        expect(exitCode).toBe(1)
      },
    },
    ...bisects.map(({ name, check }) => ({ name: `bisect finds ${name}`, check })),
  ],
  check: ({ check }) => check(),
})
