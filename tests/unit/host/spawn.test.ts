import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { run, start } from '../../../orchestrator/host/spawn.ts'
import { temporaryFolder } from './temporary-folder.ts'

const sh = (script: string, ...args: string[]) => ({ file: 'sh', args: ['-c', script, 'sh', ...args] })

/** Waits for a pid written to a file, and tells whether it still runs (a zombie does not). */
const pidIn = async (file: string): Promise<number> => {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text.endsWith('\n')) return Number(text)
    await sleep(20)
  }
}
const runs = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat !== undefined && !stat.includes(') Z ')
}
const gone = async (pid: number): Promise<boolean> => {
  for (let tries = 0; tries < 100; tries += 1) {
    if (!await runs(pid)) return true
    await sleep(20)
  }
  return false
}

test('gives both streams, whole, and every line as it came', async () => {
  const lines: string[] = []
  const result = await run(sh('echo one; echo two >&2; printf three'), { what: 'talking', onLine: (line, stream) => lines.push(`${stream}: ${line}`) })
  expect(result).toMatchObject({ stdout: 'one\nthree', stderr: 'two\n' })
  expect(lines.toSorted()).toEqual(['stderr: two', 'stdout: one', 'stdout: three'])
})

test('input and environment arrive, and nothing else of the environment', async () => {
  const { stdout } = await run({ file: 'sh', args: ['-c', 'cat; echo "$GREETING ${HOME-none}"'], env: { GREETING: 'hello', PATH: '/usr/bin:/bin' } }, { what: 'x', input: 'in\n' })
  expect(stdout).toBe('in\nhello none\n')
})

test('tells the CPU time of the program and of its children', async () => {
  const { cpuMs, durationMs } = await run(sh('i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; sh -c "i=0; while [ \\$i -lt 300000 ]; do i=\\$((i+1)); done"; sleep 0.3'), { what: 'x' })
  expect(cpuMs).toBeGreaterThan(100)
  expect(cpuMs).toBeLessThan(durationMs - 200)
})

test('a status that is not 0 is the lab\'s error, with the end of the output', async () => {
  await expect(run(sh('for i in $(seq 100); do echo line $i; done; exit 7'), { what: 'counting' })).rejects.toMatchObject({
    kind: 'lab', code: 'TOOL_FAILED', message: expect.stringMatching(/^counting: sh ended with status 7 after/) as string,
    tail: expect.arrayContaining(['line 81', 'line 100']) as string[],
  })
})

test('a program that is not there is named', async () => {
  await expect(run({ file: 'no-such-program', args: [] }, { what: 'x' })).rejects.toMatchObject({ code: 'TOOL_MISSING', message: expect.stringContaining('no-such-program') as string })
})

test('a full disk is told apart and names the folder', async () => {
  await using folder = await temporaryFolder()
  await expect(run(sh('echo "cc1: error: No space left on device" >&2; exit 1'), { what: 'compiling', writes: [folder.path] }))
    .rejects.toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining(folder.path) as string })
})

test('too much output ends it', async () => {
  await expect(run(sh('yes'), { what: 'yes', maxOutputBytes: 100_000 })).rejects.toMatchObject({ code: 'TOOL_OUTPUT' })
})

test('a time limit ends the whole group, also what ignores SIGTERM', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'pid')
  await expect(run(sh('sh -c \'trap "" TERM; echo $$ > "$0"; while :; do sleep 1; done\' "$1" & wait', file), { what: 'x', timeoutMs: 500, graceMs: 200 }))
    .rejects.toMatchObject({ code: 'TOOL_TIMEOUT' })
  expect(await gone(await pidIn(file))).toBe(true)
})

test('an abort ends the whole group and rejects with its reason', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'pid')
  const abort = new AbortController()
  const running = run(sh('sleep 100 & echo $! > "$1"; wait', file), { what: 'x', signal: abort.signal })
  const pid = await pidIn(file)
  const reason = new Error('enough')
  abort.abort(reason)
  await expect(running).rejects.toBe(reason)
  expect(await gone(pid)).toBe(true)
})

test('what the program leaves running in its group ends with it', async () => {
  const { stdout } = await run(sh('sleep 100 & echo $!'), { what: 'x' })
  expect(await gone(Number(stdout))).toBe(true)
})

test('a started process ends with its scope', async () => {
  let pid: number
  {
    await using child = await start(sh('sleep 100'), { what: 'x' })
    pid = child.pid
    expect(await runs(pid)).toBe(true)
  }
  expect(await gone(pid)).toBe(true)
})

test.each(['SIGKILL', 'exit'])('a started process ends when the lab ends by %s', async (way) => {
  const source = new URL('../../../orchestrator/host/spawn.ts', import.meta.url).href
  const lab = execa(process.execPath, [
    '--input-type=module', '-e',
    `const { start } = await import(${JSON.stringify(source)}); const child = await start({ file: 'sleep', args: ['100'] }, { what: 'x' }); console.log(child.pid)
     ${way === 'exit' ? 'setTimeout(() => process.exit(0), 200)' : ''}`,
  ], { reject: false, buffer: false })
  const pid = await new Promise<number>((resolve) => { lab.stdout.once('data', (chunk: Buffer) => { resolve(Number(chunk.toString())) }) })
  expect(await runs(pid)).toBe(true)
  if (way === 'SIGKILL') lab.kill('SIGKILL')
  await lab
  expect(await gone(pid)).toBe(true)
})
