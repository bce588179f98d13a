import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { lock, tryLock } from '../../../orchestrator/host/lock.ts'
import { temporaryFolder } from './temporary-folder.ts'

test('an exclusive lock keeps others out until it is disposed', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'made', 'on-the-way', 'lock')
  const held = await lock(path)
  expect(await tryLock(path)).toBeUndefined()
  expect(await tryLock(path, { shared: true })).toBeUndefined()
  await held[Symbol.asyncDispose]()
  await using again = await tryLock(path)
  expect(again).toBeDefined()
})

test('many hold it shared, nobody exclusive meanwhile', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lock')
  await using first = await lock(path, { shared: true })
  await using second = await tryLock(path, { shared: true })
  expect([first, second]).not.toContain(undefined)
  expect(await tryLock(path)).toBeUndefined()
})

test('who waits says so once and gets it afterwards', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lock')
  const held = await lock(path)
  let waits = 0
  const next = lock(path, { onWait: () => { waits += 1; setTimeout(() => { void held[Symbol.asyncDispose]() }, 250) } })
  await using got = await next
  expect(got).toBeDefined()
  expect(waits).toBe(1)
})

test('a wait can be aborted, with the reason of the signal', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lock')
  await using held = await lock(path)
  expect(held).toBeDefined()
  const abort = new AbortController()
  const reason = new Error('enough')
  await expect(lock(path, { signal: abort.signal, onWait: () => { abort.abort(reason) } })).rejects.toBe(reason)
})

test('the kernel frees it when its process is killed with -9', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'lock')
  const source = new URL('../../../orchestrator/host/lock.ts', import.meta.url).href
  const holder = execa(process.execPath, [
    '--input-type=module', '-e',
    `const { lock } = await import(${JSON.stringify(source)}); globalThis.held = await lock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1000)`,
  ], { reject: false, buffer: false })
  await new Promise((resolve) => { holder.stdout.once('data', resolve) })
  expect(await tryLock(path)).toBeUndefined()
  holder.kill('SIGKILL')
  await holder
  await using got = await tryLock(path)
  expect(got).toBeDefined()
})
