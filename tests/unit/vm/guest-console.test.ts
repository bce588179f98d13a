import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { guestConsole, lineOf } from '../../../orchestrator/vm/guest-console.ts'

const open = async (stack: AsyncDisposableStack, onFault: (error: Error) => void = () => undefined, file = 'console.log') => {
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'console-')), (path) => rm(path, { recursive: true }))
  const stream = new PassThrough()
  return { stream, path: join(folder, file), console: guestConsole(stream, join(folder, file), onFault) }
}
const live = new AbortController().signal

it('writes cleaned lines to the file as to memory', async () => {
  await using stack = new AsyncDisposableStack()
  const { stream, path, console } = await open(stack)
  stream.write('[    0.1] one\r\n[    0.2] \u001b[31mtwo\u001b[0m\u0007')
  stream.end()
  await console.closed
  expect(console.lines).toEqual(['[    0.1] one', '[    0.2] two'])
  expect(await readFile(path, 'utf8')).toBe('[    0.1] one\n[    0.2] two\n')
})

it('finds a line that came before or comes after', async () => {
  await using stack = new AsyncDisposableStack()
  const { stream, console } = await open(stack)
  const find = (text: string) => lineOf(console, (line) => (line.includes(text) ? line : undefined), live)
  const later = find('two')
  stream.write('one\ntwo\n')
  expect(await later).toBe('two')
  expect(await find('one')).toBe('one')
  const stop = new AbortController()
  const never = lineOf(console, () => undefined, stop.signal)
  stop.abort(new Error('enough'))
  await expect(never).rejects.toThrow('enough')
  stream.destroy()
  await console.closed
})

it('keeps a bounded part of a guest that prints for ever, and still hears it', async () => {
  await using stack = new AsyncDisposableStack()
  const { stream, path, console } = await open(stack)
  let heard = 0
  console.follow(() => { heard += 1 })
  const flood = `${'x'.repeat(999)}\n`.repeat(1000)
  for (let i = 0; i < 20; i += 1) stream.write(flood)
  stream.end()
  await console.closed
  expect(heard).toBe(20_000)
  expect((await readFile(path)).length).toBeLessThan(17 * 2 ** 20)
  expect(console.lines.at(-1)).toContain('more than is kept')
})

it('tells when the file cannot be written', async () => {
  await using stack = new AsyncDisposableStack()
  const faults: Error[] = []
  const { stream, console } = await open(stack, (error) => { faults.push(error) }, 'missing/console.log')
  stream.end('one\n')
  await console.closed
  expect(faults.map((error) => error.message)).toEqual([expect.stringContaining('ENOENT')])
  expect(console.lines).toEqual(['one'])
})
