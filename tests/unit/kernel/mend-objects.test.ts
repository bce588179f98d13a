import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { mendObjects } from '../../../orchestrator/kernel/mend-objects.ts'

/** An object tree: path -> seconds before the kill at which it was last written. */
const objectTree = async (files: Readonly<Record<string, number>>) => {
  const dir = await mkdtemp(join(tmpdir(), 'objects-'))
  for (const [path, age] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), 'content')
    const at = Date.now() / 1000 - age
    await utimes(join(dir, path), at, at)
  }
  const left = async () => (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)).toSorted()
  return { dir, left, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
}

test('takes away what was being made and leaves what was whole', async () => {
  const whole = {
    'a/done.o': 100, 'a/.done.o.cmd': 99,
    'a/just-done.o': 0.2, 'a/.just-done.o.cmd': 0.1,
    'include/generated/old.h': 500, 'include/config/NEW': 0.1, 'include/config/auto.conf': 0.1, '.config': 0.1,
    'tools/objtool/fixdep.o': 90, 'tools/objtool/.fixdep.o.cmd': 89, 'tools/objtool/.fixdep.o.d': 90,
  }
  const half = {
    'a/new.o': 0.1,
    'a/again.o': 0.1, 'a/.again.o.cmd': 400,
    'a/recording.o': 0.2, 'a/.recording.o.cmd': 0.1, 'a/.recording.o.d': 0.2,
    'include/generated/new.h': 0.1,
    'tools/objtool/check.o': 0.1, 'tools/objtool/.check.o.cmd': 300,
    'vmlinux.o': 0.5, '.vmlinux.o.cmd': 0.4,
  }
  await using objects = await objectTree({ ...whole, ...half })
  await mendObjects(objects.dir)
  // The record of vmlinux.o may stay: make looks for the file.
  expect(await objects.left()).toEqual([...Object.keys(whole), '.vmlinux.o.cmd'].toSorted())
})

test('an empty record is no record', async () => {
  await using objects = await objectTree({ 'a/x.o': 10, 'b/late.h': 0 })
  await writeFile(join(objects.dir, 'a/.x.o.cmd'), '')
  await mendObjects(objects.dir)
  expect(await objects.left()).not.toContain('a/x.o')
})
