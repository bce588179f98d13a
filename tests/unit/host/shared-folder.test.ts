import { mkdir, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { tryLock } from '../../../orchestrator/host/lock.ts'
import { openSharedFolder } from '../../../orchestrator/host/shared-folder.ts'
import { temporaryFolder } from './temporary-folder.ts'

const signal = new AbortController().signal

// However long it takes to make: those who wait must not miss the moment between the making and the use.
test.each([1, 90, 100, 110, 200, 250])('many open it at once, one of them makes it in %i ms, and it is locked until all have closed it', async (makeMs) => {
  await using parent = await temporaryFolder()
  const folder = join(parent.path, 'folder')
  let made = 0
  let waited = 0
  const open = () => openSharedFolder(folder, { signal, onWait: () => { waited += 1 }, make: async () => {
    made += 1
    await sleep(makeMs)
    await mkdir(folder)
  } })
  const [one, two, three] = await Promise.all([open(), open(), open()])
  expect(made).toBe(1)
  expect(waited).toBeGreaterThan(0)
  const lockFile = `${folder}.lock`
  await one[Symbol.asyncDispose]()
  await two[Symbol.asyncDispose]()
  expect(await tryLock(lockFile)).toBeUndefined()
  await three[Symbol.asyncDispose]()
  await using exclusive = await tryLock(lockFile)
  expect(exclusive).toBeDefined()
})

test('a folder that cannot be made leaves no lock, and the next one makes it', async () => {
  await using parent = await temporaryFolder()
  const folder = join(parent.path, 'folder')
  const because = new Error('no luck')
  const onWait = () => undefined
  await expect(openSharedFolder(folder, { signal, onWait, make: () => Promise.reject(because) })).rejects.toBe(because)
  expect(existsSync(folder)).toBe(false)
  await using _ = await openSharedFolder(folder, { signal, onWait, make: async () => { await mkdir(folder) } })
})

test('a folder that was removed meanwhile is made again', async () => {
  await using parent = await temporaryFolder()
  const folder = join(parent.path, 'folder')
  let made = 0
  const open = () => openSharedFolder(folder, { signal, onWait: () => undefined, make: async () => { made += 1; await mkdir(folder) } })
  await (await open())[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
  await (await open())[Symbol.asyncDispose]()
  expect(made).toBe(2)
})
