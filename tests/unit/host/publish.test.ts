import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { publishFolder } from '../../../orchestrator/host/publish.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('the target appears whole, and only when it is done', async () => {
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'store', 'entry')
  await publishFolder(target, async (aside) => {
    await writeFile(join(aside, 'file'), 'content')
    expect(existsSync(target)).toBe(false)
  })
  expect(await readFile(join(target, 'file'), 'utf8')).toBe('content')
  expect(await readdir(join(folder.path, 'store'))).toEqual(['entry'])
})

test('when filling fails nothing is left', async () => {
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'entry')
  const because = new Error('no luck')
  await expect(publishFolder(target, async (aside) => {
    await writeFile(join(aside, 'half'), '')
    throw because
  })).rejects.toBe(because)
  expect(await readdir(folder.path)).toEqual([])
})

test('a full disk is the lab\'s error and names the folder', async () => {
  await using folder = await temporaryFolder()
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  await expect(publishFolder(join(folder.path, 'entry'), () => Promise.reject(full)))
    .rejects.toMatchObject({ kind: 'lab', code: 'NO_SPACE', message: expect.stringContaining(folder.path) as string })
})

test('of two at once the first wins and both succeed', async () => {
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'entry')
  const first = Promise.withResolvers<undefined>()
  const slow = publishFolder(target, async (aside) => {
    await writeFile(join(aside, 'by'), 'slow')
    await first.promise
  })
  await publishFolder(target, (aside) => writeFile(join(aside, 'by'), 'quick'))
  first.resolve(undefined)
  await slow
  expect(await readFile(join(target, 'by'), 'utf8')).toBe('quick')
  expect(await readdir(folder.path)).toEqual(['entry'])
})

test('what a killed process left half-made is removed; what a living one fills is not', async () => {
  await using folder = await temporaryFolder()
  const target = join(folder.path, 'entry')
  const source = new URL('../../../orchestrator/host/publish.ts', import.meta.url).href
  const filler = execa(process.execPath, [
    '--input-type=module', '-e',
    `const { publishFolder } = await import(${JSON.stringify(source)})
     await publishFolder(${JSON.stringify(target)}, () => { console.log('filling'); return new Promise(() => setInterval(() => {}, 1000)) })`,
  ], { reject: false, buffer: false })
  await new Promise((resolve) => { filler.stdout.once('data', resolve) })

  await mkdir(join(folder.path, 'other'))
  await expect(publishFolder(target, () => Promise.reject(new Error('stop')))).rejects.toThrow('stop')
  expect((await readdir(folder.path)).filter((name) => name.includes('.aside-'))).toHaveLength(1)

  filler.kill('SIGKILL')
  await filler
  await publishFolder(target, (aside) => writeFile(join(aside, 'file'), ''))
  expect((await readdir(folder.path)).toSorted()).toEqual(['entry', 'other'])
})
