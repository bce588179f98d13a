import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openRunFolder } from '../../../orchestrator/run/run-folder.ts'

const home = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-folder-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}

const START = new Date('2026-11-20T14:15:03Z')

test('a run that judged nothing leaves no folder, and latest points at the one before it', async () => {
  const dir = await home()
  const runs = join(dir, '.lab', 'runs')
  const first = await openRunFolder(dir, undefined, START)
  await first[Symbol.asyncDispose]()
  const second = await openRunFolder(dir, undefined, START)
  await writeFile(join(second.dir, 'events.ndjson'), '')
  await second.cellDir('debian/noiommu/none')
  expect(await readlink(join(runs, 'latest'))).toBe(second.id)
  await second.abandon()
  await second[Symbol.asyncDispose]()
  expect(await readlink(join(runs, 'latest'))).toBe(first.id)
  expect((await readdir(runs)).toSorted()).toEqual([first.id, 'latest'].toSorted())
})

test('the first one leaves no latest either', async () => {
  const dir = await home()
  await using folder = await openRunFolder(dir, undefined, START)
  await folder.abandon()
  expect(await readdir(join(dir, '.lab', 'runs'))).toEqual([])
})

test('a folder of the user keeps what was in it, and takes the next run', async () => {
  const out = await home()
  await writeFile(join(out, 'notes'), 'mine')
  const folder = await openRunFolder(out, out, START)
  await writeFile(join(folder.dir, 'events.ndjson'), '')
  await folder.abandon()
  await folder[Symbol.asyncDispose]()
  expect((await readdir(out)).filter((name) => name !== 'lock')).toEqual(['notes'])
})
