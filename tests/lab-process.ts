import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { z } from 'zod'
import { resultsFile } from '../orchestrator/report/results-schema.ts'

export const lab = join(import.meta.dirname, '..', 'lab')

export interface LabEnd {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface LabOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly cancelSignal?: AbortSignal
}

/** The real command line, as a user types it. */
export const callLab = async (args: readonly string[], { cwd, env, timeoutMs, cancelSignal }: LabOptions = {}): Promise<LabEnd> => {
  const ended = await execa(lab, args, {
    reject: false,
    stdin: 'ignore',
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(cancelSignal === undefined ? {} : { cancelSignal }),
  })
  return { exitCode: ended.exitCode ?? -1, stdout: ended.stdout, stderr: ended.stderr }
}

/** `lab run` with results in a folder of its own, read back and validated. */
export const callLabRun = async (args: readonly string[], options: LabOptions = {}): Promise<LabEnd & { readonly results: z.infer<typeof resultsFile> | undefined }> => {
  await using out = await temporaryDir()
  const ended = await callLab(['run', '--out', out.path, ...args], options)
  const results = await readResults(out.path)
  if (results !== undefined && results.durationMs > LONG_MS) console.info(whereTimeWent(args, results))
  return { ...ended, results }
}

/** A run that took longer says where: hosts differ by a factor of three, and one host from hour to hour. */
const LONG_MS = 120_000

const whereTimeWent = (args: readonly string[], { cells, durationMs }: z.infer<typeof resultsFile>): string => {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`
  const builds = [...new Map(cells.map(({ kernel, config, timings }) => [`${kernel.name}/${config}`, timings.buildMs]))]
  const guests = cells.map(({ id, timings: { bootMs, casesMs } }) => `${id} ${seconds(bootMs)} + ${seconds(casesMs)}`)
  return [
    `lab run ${args.join(' ')}: ${seconds(durationMs)}; built: ${builds.map(([name, ms]) => `${name} ${seconds(ms)}`).join(', ')}`,
    `  boot + cases: ${guests.join(', ')}`,
  ].join('\n')
}

/** results.json of a run's folder, validated; undefined when there is none. */
export const readResults = async (dir: string): Promise<z.infer<typeof resultsFile> | undefined> => {
  const text = await readFile(join(dir, 'results.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : resultsFile.parse(JSON.parse(text))
}

export const temporaryDir = async (): Promise<AsyncDisposable & { readonly path: string }> => {
  const path = await mkdtemp(join(tmpdir(), 'vfio-lab-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
