import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import { forgetKernels, leaseKernel, storeKernel } from '../../../orchestrator/kernel/kernel-store.ts'
import { temporaryDir } from '../../lab-process.ts'

const signal = new AbortController().signal
let cache: Awaited<ReturnType<typeof temporaryDir>>
beforeEach(async () => {
  cache = await temporaryDir()
  vi.stubEnv('VFIO_LAB_CACHE', cache.path)
  return async () => {
    vi.unstubAllEnvs()
    await cache[Symbol.asyncDispose]()
  }
})

/** An entry of a bit more than 4,000 bytes. */
const store = async (key: string) => {
  const objects = join(cache.path, 'objects')
  for (const file of ['arch/x86/boot/bzImage', '.config', 'System.map', 'vmlinux']) {
    await mkdir(dirname(join(objects, file)), { recursive: true })
    await writeFile(join(objects, file), 'x'.repeat(1000))
  }
  await storeKernel(key, objects, { release: '7.3.0', buildMs: 1, cpuMs: 1, facts: { config: {}, uapi: [] }, headers: {}, notAsked: [], warnings: [] }, () => Promise.resolve([]))
}
const lease = async (key: string) => {
  const kernel = await leaseKernel(key, signal)
  if (kernel === undefined) throw new Error(`no ${key}`)
  return kernel
}
const usedAt = async (key: string, seconds: number) => {
  await (await lease(key))[Symbol.asyncDispose]()
  await utimes(join(cache.path, 'kernel/store', `${key}.lease`), seconds, seconds)
}
const entries = async () => (await readdir(join(cache.path, 'kernel/store'), { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name).toSorted()

it('forgets the least used first, until the rest is small enough', async () => {
  for (const key of ['a', 'b', 'c']) await store(key)
  await usedAt('a', 3000)
  await usedAt('b', 1000)
  await usedAt('c', 2000)
  expect(await forgetKernels(20_000)).toBe(0)
  expect(await forgetKernels(9_000)).toBe(1)
  expect(await entries()).toEqual(['a', 'c'])
  expect(await forgetKernels(5_000)).toBe(1)
  expect(await entries()).toEqual(['a'])
  expect(await leaseKernel('b', signal)).toBeUndefined()
})

it('never forgets what somebody uses, and does when it is given back', async () => {
  for (const key of ['a', 'b']) await store(key)
  {
    await using _ = await lease('a')
    expect(await forgetKernels(0)).toBe(1)
    expect(await entries()).toEqual(['a'])
  }
  expect(await forgetKernels(0)).toBe(1)
  expect(await entries()).toEqual([])
})

it('of an empty cache forgets nothing; what was forgotten can be stored again', async () => {
  expect(await forgetKernels(0)).toBe(0)
  await store('a')
  await forgetKernels(0)
  await store('a')
  expect((await lease('a')).record.release).toBe('7.3.0')
})
