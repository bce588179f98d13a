import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test, vi } from 'vitest'
import { callLab, lab, readResults, temporaryDir } from '../lab-process.ts'

const one = ['--config', 'noiommu', '--machine', 'intel']

/** A run that goes on by itself; `said` resolves when its output has the text. */
const startRun = (out: string, args: readonly string[] = one) => {
  const child = execa(lab, ['run', '--out', out, ...args], { reject: false, stdin: 'ignore', stderr: 'inherit' })
  let sofar = ''
  child.stdout.on('data', (chunk: Buffer) => { sofar += chunk.toString() })
  const said = (text: RegExp) => vi.waitFor(() => { expect(sofar).toMatch(text) }, { timeout: 120_000, interval: 20 })
  return { child, said }
}

/** Processes whose arguments or open folder lie in the run's folder. */
const qemusOf = async (out: string): Promise<readonly number[]> => {
  const args = await readFile(join(out, 'cells', 'debian', 'noiommu', 'intel', 'qemu.args'), 'utf8')
  const socket = /^unix:(.*\/qmp),/m.exec(args)?.[1]
  if (socket === undefined) throw new Error('qemu.args names no QMP socket')
  const found = await execa('pgrep', ['--full', '--', `qemu-system-x86_64 .*${socket}`], { reject: false })
  return found.stdout.split('\n').filter((pid) => pid !== '').map(Number)
}

test('SIGINT while cases run: 130, results that say so, no QEMU left', async () => {
  await using dir = await temporaryDir()
  const { child, said } = startRun(dir.path)
  await said(/the agent answers/)
  expect(await qemusOf(dir.path)).not.toEqual([])
  const at = performance.now()
  child.kill('SIGINT')
  const { exitCode } = await child
  expect(performance.now() - at).toBeLessThan(15_000)
  expect(exitCode).toBe(130)
  expect(await qemusOf(dir.path)).toEqual([])
  expect(await readResults(dir.path)).toMatchObject({ interrupted: true })
})

test('QEMU that dies under a guest is the lab\'s: exit 3, the cell says so', async () => {
  await using dir = await temporaryDir()
  const { child, said } = startRun(dir.path)
  await said(/the agent answers/)
  for (const pid of await qemusOf(dir.path)) process.kill(pid, 'SIGKILL')
  const { exitCode } = await child
  const results = await readResults(dir.path)
  expect(results?.cells).toMatchObject([{ status: 'lab-error' }])
  expect(results?.cells[0]?.because).toMatch(/QEMU/)
  expect(exitCode).toBe(3)
})

test('a second run in the same folder is refused while the first one works, and the first one is not disturbed', async () => {
  await using dir = await temporaryDir()
  const { child, said } = startRun(dir.path, [...one, '--suite', 'nodes'])
  await said(/booting/)
  const second = await callLab(['run', '--out', dir.path, ...one])
  expect(second.stderr).toMatch(/another run works in/)
  expect(second.exitCode).toBe(3)
  expect((await child).exitCode).toBe(0)
})

test('two runs at once, each in a folder of its own, both finish', async () => {
  await using first = await temporaryDir()
  await using second = await temporaryDir()
  const ends = await Promise.all([first, second].map(({ path }) => startRun(path, [...one, '--suite', 'nodes']).child))
  expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0])
})
