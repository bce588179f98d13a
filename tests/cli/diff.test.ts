import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { foldResults } from '../../orchestrator/report/fold-results.ts'
import { resultsText } from '../../orchestrator/report/results-json.ts'
import { callLab, temporaryDir } from '../lab-process.ts'
import { fakeRun } from '../unit/report/fake-run.ts'

/** A folder as `lab run` leaves it, with two runs and the remains of a third. */
let home: Awaited<ReturnType<typeof temporaryDir>>
beforeAll(async () => {
  home = await temporaryDir()
  const good = foldResults(fakeRun())
  const bad = { ...good, id: 'bad', cells: good.cells.map((cell) => ({ ...cell, cases: cell.cases.map((one) => (one.id === 'ioas/map' ? { ...one, outcome: 'fail' as const, unexpected: true, message: 'got EFAULT' } : one)) })) }
  for (const [name, results] of [['20261120-1', good], ['20261121-2', bad]] as const) {
    await mkdir(join(home.path, '.lab/runs', name), { recursive: true })
    await writeFile(join(home.path, '.lab/runs', name, 'results.json'), resultsText(results))
  }
  await symlink('20261121-2', join(home.path, '.lab/runs/latest'))
  await mkdir(join(home.path, '.lab/runs/20261122-3'))
  await writeFile(join(home.path, 'no-results.json'), '{"schemaVersion":2}')
})
afterAll(() => home[Symbol.asyncDispose]())

const diff = (...args: readonly string[]) => callLab(['diff', ...args], { cwd: home.path })

test('a run against itself: no difference, exit 0, by id, latest, folder and file', async () => {
  for (const [a, b] of [['20261120-1', '20261120-1'], ['latest', '20261121-2'], ['.lab/runs/20261120-1', '.lab/runs/20261120-1/results.json']] as const) {
    const { exitCode, stdout, stderr } = await diff(a, b)
    expect(stderr).toBe('')
    expect(stdout).toContain('no difference; nothing is worse')
    expect(exitCode).toBe(0)
  }
})

test('what is worse gives exit 1, the other way round exit 0', async () => {
  const worse = await diff('20261120-1', 'latest')
  expect(worse.stdout).toContain('BROKEN ioas/map\n  was pass\n  is  fail: got EFAULT\n')
  expect(worse.exitCode).toBe(1)
  const better = await diff('latest', '20261120-1')
  expect(better.stdout).toMatch(/^fixed ioas\/map$/m)
  expect(better.exitCode).toBe(0)
})

test('as JSON it holds each cell, in Markdown it begins with the verdict', async () => {
  const json = await diff('20261120-1', 'latest', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ schemaVersion: 1, worse: true, cells: [{ id: 'noiommu/none' }, { id: 'noiommu/intel' }, { id: 'no-container/none' }] })
  expect(json.exitCode).toBe(1)
  expect((await diff('20261120-1', 'latest', '--markdown')).stdout).toMatch(/^\*\*B is worse than A\*\*: /)
})

test.each([
  ['no such run', ['2026112-1', 'latest'], /no run 2026112-1; did you mean 20261120-1\?/],
  ['no such file', ['./a/results.json', 'latest'], /no run \.\/a\/results\.json/],
  ['a run that was killed', ['latest', '20261122-3'], /20261122-3 has no results\.json/],
  ['other JSON', ['no-results.json', 'latest'], /no results of a run: schemaVersion/],
  ['one run', ['latest'], /missing required argument 'b'/],
  ['two formats', ['latest', 'latest', '--json', '--markdown'], /cannot be used with/],
])('%s: exit 2', async (_, args, words) => {
  const { exitCode, stdout, stderr } = await diff(...args)
  expect(stderr).toMatch(words)
  expect(stdout).toBe('')
  expect(exitCode).toBe(2)
})
