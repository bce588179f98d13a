import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { beforeEach, expect, test, vi } from 'vitest'
import { lock } from '../../../orchestrator/host/lock.ts'
import { forgetSources } from '../../../orchestrator/kernel/forget-sources.ts'
import { slotsFolder, sourceSlot } from '../../../orchestrator/kernel/source-slot.ts'
import { temporaryDir } from '../../lab-process.ts'

beforeEach(async () => {
  const cache = await temporaryDir()
  vi.stubEnv('VFIO_LAB_CACHE', cache.path)
  return async () => {
    vi.unstubAllEnvs()
    await cache[Symbol.asyncDispose]()
  }
})

const slot = async (name: string, usedAt: number) => {
  const { tree, lockFile, folder } = sourceSlot(name)
  await mkdir(tree, { recursive: true })
  await mkdir(`${folder}.scratch`)
  await writeFile(lockFile, '')
  await utimes(lockFile, usedAt, usedAt)
}
const left = async () => (await readdir(slotsFolder())).filter((name) => !name.endsWith('.lock')).toSorted()

test('the least used go first, with all that belongs to them', async () => {
  for (const [name, usedAt] of [['new', 300], ['old', 100], ['middle', 200]] as const) await slot(name, usedAt)
  expect(await forgetSources(2)).toBe(1)
  expect(await left()).toEqual(['middle', 'middle.scratch', 'new', 'new.scratch'])
  expect(await forgetSources(2)).toBe(0)
})

test('what somebody builds from stays, however old', async () => {
  for (const [name, usedAt] of [['new', 300], ['old', 100]] as const) await slot(name, usedAt)
  await using _ = await lock(sourceSlot('old').lockFile)
  expect(await forgetSources(1)).toBe(1)
  expect(await left()).toEqual(['old', 'old.scratch'])
})

test('without any there is nothing to do', async () => { expect(await forgetSources(1)).toBe(0) })
