import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanLine } from './clean-text.ts'
import { diskFull, saysDiskFull } from './disk-full.ts'
import { labFault } from './errors.ts'
import { findProgram, hostPath } from './find-program.ts'
import { lineSplitter } from './line-splitter.ts'
import { type Command, dyingWithParent, type Exit, start, type StartedProcess, type StartOptions } from './start.ts'

export { type Command, type Exit, start, type StartedProcess, type StartOptions } from './start.ts'

export interface RunOptions extends StartOptions {
  readonly timeoutMs?: number
  /** Its standard input; empty by default. */
  readonly input?: string | Uint8Array
  /** Every line as it comes, not cleaned, at most 64 KiB of it. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Most that it may say on stdout or on stderr. Default 64 MiB. */
  readonly maxOutputBytes?: number
  /** Folders that it writes to: the error about a full disk names the fullest. Default: cwd. */
  readonly writes?: readonly string[]
}

export interface RunResult {
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
  /** User and system time of the program and all its descendants that were waited for. */
  readonly cpuMs: number
}

const TAIL_LINES = 20

/**
 * Runs a program to its end.
 * Throws lab/TOOL_FAILED (ended with a status that is not 0), TOOL_TIMEOUT, TOOL_OUTPUT (said more than maxOutputBytes), TOOL_MISSING,
 * NO_SPACE, each with the last lines of the output; or the signal's reason when aborted, after the whole group is gone.
 */
export const run = async (command: Command, options: RunOptions): Promise<RunResult> => {
  const startedAt = performance.now()
  const file = await findProgram(command.file, command.env?.['PATH'] ?? hostPath())
  if (file === undefined) throw labFault('TOOL_MISSING', `${options.what}: the program ${command.file} is not there`)
  await using child = await start(timed({ ...command, file }), options)
  child.stdin.end(options.input ?? '')

  const tail: string[] = []
  const limits = { maxBytes: options.maxOutputBytes ?? 64 * 2 ** 20, tooMuch: () => { void child.kill() } }
  const stdout = collect(child.stdout, limits, (line) => { keepTail(tail, line); options.onLine?.(line, 'stdout') })
  const stderr = collect(child.stderr, limits, (line) => { keepTail(tail, line); options.onLine?.(line, 'stderr') })
  const times = collect(child.extra, limits, () => undefined)
  const { exit, timedOut } = await ended(child, options.timeoutMs)
  const [out, err] = await Promise.all([stdout, stderr])
  options.signal?.throwIfAborted()

  const durationMs = performance.now() - startedAt
  const details = { durationMs, tail }
  if (timedOut) throw labFault('TOOL_TIMEOUT', `${options.what}: no end after ${seconds(durationMs)}`, details)
  if (out.overflowed || err.overflowed) throw labFault('TOOL_OUTPUT', `${options.what}: said more than ${limits.maxBytes} bytes`, details)
  if (exit.code !== 0) {
    if (tail.some(saysDiskFull)) throw await diskFull(options.what, options.writes ?? [options.cwd ?? process.cwd()], { ...details, tail: tail.filter(saysDiskFull) })
    throw labFault('TOOL_FAILED', `${options.what}: ${programOf(command)} ended with ${exitText(exit)} after ${seconds(durationMs)}`, details)
  }
  return { stdout: out.text, stderr: err.text, durationMs, cpuMs: childrenCpuMs((await times).text) }
}

interface Collected {
  readonly text: string
  readonly overflowed: boolean
}

const collect = async (stream: Readable, limits: { maxBytes: number; tooMuch: () => void }, onLine: (line: string) => void): Promise<Collected> => {
  const chunks: Buffer[] = []
  let bytes = 0
  const lines = lineSplitter(onLine)
  stream.on('data', (chunk: Buffer) => {
    const room = limits.maxBytes - bytes
    bytes += chunk.length
    if (room > 0) chunks.push(chunk.subarray(0, room))
    lines.push(chunk)
    if (bytes > limits.maxBytes) limits.tooMuch()
  })
  // A pipe that breaks with the process is judged by the exit status.
  await finished(stream).catch(() => undefined)
  lines.end()
  return { text: Buffer.concat(chunks).toString('utf8'), overflowed: bytes > limits.maxBytes }
}

const ended = async (child: StartedProcess, timeoutMs: number | undefined): Promise<{ exit: Exit; timedOut: boolean }> => {
  if (timeoutMs === undefined) return { exit: await child.exited, timedOut: false }
  const deadline = new AbortController()
  const timer = sleep(timeoutMs, 'late' as const, { signal: deadline.signal })
  const first = await Promise.race([child.exited, timer])
  if (first === 'late') {
    await child.kill()
    return { exit: await child.exited, timedOut: true }
  }
  timer.catch(() => undefined)
  deadline.abort()
  return { exit: first, timedOut: false }
}

const keepTail = (tail: string[], line: string): void => {
  if (line.trim() === '') return
  tail.push(cleanLine(line, 300))
  if (tail.length > TAIL_LINES) tail.shift()
}

const programOf = ({ file, args, programAt }: Command): string => (programAt === undefined ? file : args[programAt] ?? file)

const exitText = ({ code, signal }: Exit): string => {
  if (signal !== null) return signal
  // A shell's way to say that a signal ended its child (POSIX XCU 2.8.2).
  return code !== null && code > 128 && code < 160 ? `signal ${code - 128}` : `status ${code ?? 'unknown'}`
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/**
 * Node cannot ask for the resource usage of one child (wait4): a shell around it can, with its builtin `times`, on a descriptor of its own.
 * It stands directly around the program: bwrap ends without waiting for what it started, and would be told nothing.
 * Outside of bwrap, which does so by itself, the program must be made to die with that shell.
 */
const timed = ({ file, args, programAt, ...rest }: Command): Command => {
  const guard = programAt === undefined ? `${dyingWithParent.join(' ')} ` : ''
  const shell = ['/bin/sh', '-c', `${guard}"$@" 3>&-; status=$?; times >&3; exit $status`, 'sh']
  const words = [file, ...args]
  const at = programAt === undefined ? 0 : programAt + 1
  const [first = file, ...others] = [...words.slice(0, at), ...shell, ...words.slice(at)]
  return { ...rest, file: first, args: others }
}

/** The second line of `times` is the user and system time of the shell's children: `0m1.230000s 0m0.040000s`. */
const childrenCpuMs = (times: string): number => {
  const fields = (times.trim().split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)
  return [...fields].reduce((total, [, minutes, secs]) => total + Number(minutes) * 60_000 + Number(secs) * 1000, 0)
}
