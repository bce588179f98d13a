import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { rememberAnswer, rememberedAnswer } from '../../../orchestrator/vm/accelerator-memory.ts'

let cache = ''
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'cache-'))
  vi.stubEnv('VFIO_LAB_CACHE', cache)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true })
})

const MINUTE = 60_000
const yes = { ran: true, because: 'a guest ran under KVM' }
const no = { ran: false, because: 'a tiny guest did not get through its firmware within 3 s' }

it('remembers a yes for as long as the host is up, for this QEMU', async () => {
  await rememberAnswer('11.1.3', yes, 0)
  expect(await rememberedAnswer('11.1.3', 1000 * MINUTE)).toEqual(yes)
  expect(await rememberedAnswer('10.0.0', 0)).toBeUndefined()
})

it('remembers a no for ten minutes', async () => {
  await rememberAnswer('11.1.3', no, 5 * MINUTE)
  expect(await rememberedAnswer('11.1.3', 14 * MINUTE)).toEqual(no)
  expect(await rememberedAnswer('11.1.3', 15 * MINUTE)).toBeUndefined()
  // The clock of the host was set back.
  expect(await rememberedAnswer('11.1.3', 4 * MINUTE)).toBeUndefined()
})

it('does not believe an answer of another boot, or a broken file', async () => {
  await writeFile(join(cache, 'kvm.json'), JSON.stringify({ bootId: 'another', qemu: '11.1.3', user: process.getuid?.() ?? 0, at: 0, ...yes }))
  expect(await rememberedAnswer('11.1.3', 0)).toBeUndefined()
  await writeFile(join(cache, 'kvm.json'), '{"bootId":')
  expect(await rememberedAnswer('11.1.3', 0)).toBeUndefined()
})
