import { mkdir, readdir, utimes } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lock } from '../../../orchestrator/host/lock.ts'
import { builtQemuFolder, forgetQemus } from '../../../orchestrator/qemu/forget-qemus.ts'
import { temporaryFolder } from '../host/temporary-folder.ts'

let cache: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  cache = await temporaryFolder()
  vi.stubEnv('VFIO_LAB_CACHE', cache.path)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await cache[Symbol.asyncDispose]()
})

const built = async (key: string, at: number): Promise<void> => {
  await mkdir(builtQemuFolder(key), { recursive: true })
  await utimes(builtQemuFolder(key), at, at)
}
const left = async (): Promise<readonly string[]> =>
  (await readdir(builtQemuFolder('.'), { withFileTypes: true })).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name).sort()

test('of the QEMUs that were built the first are forgotten, but not one that is open', async () => {
  for (const [index, key] of ['first', 'second', 'third', 'fourth'].entries()) await built(key, 1000 + index)
  await using _ = await lock(`${builtQemuFolder('first')}.lock`, { shared: true })
  expect(await forgetQemus(3)).toBe(1)
  expect(await left()).toEqual(['first', 'fourth', 'third'])
  expect(await forgetQemus(3)).toBe(0)
})

test('where none was built there is none to forget', async () => {
  expect(await forgetQemus(3)).toBe(0)
})
