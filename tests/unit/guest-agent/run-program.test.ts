import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { boundedLines } from '../../../guest-agent/program/bounded-lines.ts'
import { runProgram } from '../../../guest-agent/program/run-program.ts'

const sh = async (script: string, signal: AbortSignal = new AbortController().signal) => {
  const lines: string[] = []
  const end = await runProgram({ file: '/bin/sh', args: ['-c', script], cwd: '/tmp', env: { PATH: '/bin:/usr/bin' }, signal, onLine: (stream, text) => { lines.push(`${stream}: ${text}`) } })
  return { end, lines }
}

test('its lines, its status or its signal', async () => {
  expect(await sh('echo one; printf two')).toEqual({ end: { status: 0 }, lines: ['stdout: one', 'stdout: two'] })
  expect((await sh('echo bad >&2; exit 4'))).toEqual({ end: { status: 4 }, lines: ['stderr: bad'] })
  expect((await sh('kill -SEGV $$')).end).toEqual({ signal: 'SIGSEGV' })
})

test('what it leaves behind is ended with it, and so is all of it when its time is over', async () => {
  const started = performance.now()
  const { lines } = await sh('set -m; sleep 60 & echo $!')
  // The shell may also complain that it has no terminal.
  const pid = Number(lines.find((line) => line.startsWith('stdout: '))?.replace('stdout: ', ''))
  // It is killed when the program ends, and gone when its new parent has looked after it.
  await vi.waitFor(() => { expect(() => process.kill(pid, 0)).toThrow('ESRCH') }, { timeout: 10_000 })
  const over = new AbortController()
  const running = sh('set -m; sleep 60 & echo started; wait', over.signal)
  await sleep(300)
  over.abort()
  expect((await running).end).toEqual({ signal: 'SIGKILL' })
  expect(performance.now() - started).toBeLessThan(20_000)
})

test('one that says too much is known to have done so', async () => {
  const { end, lines } = await sh('yes | head -n 20000')
  expect(end).toEqual({ status: 0, cut: true })
  expect(lines).toHaveLength(5000)
})

test('one that is not there rejects', async () => {
  await expect(runProgram({ file: '/no/such', args: [], cwd: '/tmp', env: {}, signal: new AbortController().signal, onLine: () => undefined })).rejects.toThrow('ENOENT')
})

test('lines come whole however they are cut, and long ones are cut', () => {
  const lines: string[] = []
  const splitter = boundedLines((line) => { lines.push(line) })
  for (const part of ['a', 'b\nc\r\n', 'x'.repeat(5000), '\nlast']) splitter.push(Buffer.from(part))
  splitter.end()
  expect(lines).toEqual(['ab', 'c', 'x'.repeat(2000), 'last'])
})
