import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import { interruptSignal } from '../host/interrupt.ts'
import { keepFullResult } from './full-result.ts'

interface TestTier {
  readonly full: boolean
  /** Chooses the sample that the short tier takes of each campaign; printed, so that a failure can be had again. */
  readonly seed: number
}

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const projectDir = join(import.meta.dirname, '..', '..')
// The tools' scripts ask for `node`: it is the pinned one that they must find.
const ours = { cwd: projectDir, preferLocal: true, localDir: projectDir } as const
const bin = (name: string) => join(projectDir, 'node_modules', '.bin', name)

/** Runs every stage, even after one failed: the last line tells all that is wrong, not the first of it. */
export const runTestTier = async ({ full, seed }: TestTier): Promise<0 | 1 | 130> => {
  const signal = interruptSignal()
  const started = performance.now()
  say(full ? 'lab test --full' : `lab test --seed ${seed}`)
  const counts: TestCounts[] = []
  counts.push(await check('type check', bin('tsc'), ['--noEmit'], signal))
  counts.push(await check('lint', bin('eslint'), ['.'], signal))
  counts.push(await check('unused code', bin('knip'), [], signal))
  for (const project of ['unit', 'cli', 'vm']) {
    counts.push(await vitest(project, { full, seed }, signal))
  }
  if (signal.aborted) return 130
  const total = counts.reduce((sum, one) => ({
    passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped,
  }))
  if (full) await keepFullResult(projectDir, total, performance.now() - started)
  say(`took ${((performance.now() - started) / 60_000).toFixed(1)} min`)
  say(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
  return total.failed === 0 ? 0 : 1
}

const say = (line: string) => { process.stdout.write(`${line}\n`) }

const check = async (title: string, file: string, args: readonly string[], signal: AbortSignal): Promise<TestCounts> => {
  const ended = await execa(file, args, {
    ...ours, reject: false, cancelSignal: signal, stdio: ['ignore', 'inherit', 'inherit'],
  })
  const passed = ended.exitCode === 0
  say(`${passed ? 'ok' : 'FAILED'}: ${title}, ${(ended.durationMs / 1000).toFixed(1)} s`)
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 }
}

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numPendingTests: z.number(), numTodoTests: z.number(),
  numFailedTestSuites: z.number(), success: z.boolean() })

// Counted from vitest's own report of what ran. A run without a report, or a file that could not even be loaded, is a failure.
const vitest = async (project: string, { full, seed }: TestTier, signal: AbortSignal): Promise<TestCounts> => {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-test-'))
  try {
    const json = join(dir, 'report.json')
    const ended = await execa(bin('vitest'), [
      'run', '--project', project, '--reporter', 'default', '--reporter', 'json', `--outputFile.json=${json}`,
    ], {
      ...ours, reject: false, cancelSignal: signal, forceKillAfterDelay: 20_000, stdio: ['ignore', 'inherit', 'inherit'],
      env: { LAB_TEST_SEED: String(seed), LAB_TEST_FULL: full ? '1' : '', NODE_OPTIONS: '' },
    })
    const text = await readFile(json, 'utf8').catch(() => undefined)
    if (text === undefined) return { passed: 0, failed: 1, skipped: 0 }
    const counted = report.parse(JSON.parse(text))
    const failed = Math.max(counted.numFailedTests, ended.exitCode === 0 ? 0 : 1)
    return { passed: counted.numPassedTests, failed, skipped: counted.numPendingTests + counted.numTodoTests }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
