import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type { ProgramEnd } from '../protocol.ts'
import { namesIn } from '../sys/text-file.ts'
import { boundedLines } from './bounded-lines.ts'

export interface ProgramStart {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Its session is killed when this is aborted. */
  readonly signal: AbortSignal
  readonly onLine: (stream: 'stdout' | 'stderr', text: string) => void
}

/** What one program may say: more is dropped, and its end says so. */
const MOST_LINES = 5000
const MOST_BYTES = 1024 * 1024

/** Runs a program to its end, in a session of its own of which nothing is left. Rejects when it cannot be started. */
export const runProgram = async ({ file, args, cwd, env, signal, onLine }: ProgramStart): Promise<ProgramEnd> => {
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const kill = (): void => { killSession(child) }
  signal.addEventListener('abort', kill, { once: true })
  // Whatever it started and left behind would keep the pipes open, and the device.
  child.once('exit', kill)
  let [lines, bytes] = [0, 0]
  const heard = (stream: 'stdout' | 'stderr') => (text: string): void => {
    lines += 1
    bytes += text.length
    if (!isTooMuch()) onLine(stream, text)
  }
  const isTooMuch = (): boolean => lines > MOST_LINES || bytes > MOST_BYTES
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = boundedLines(heard(stream))
    child[stream].on('data', (chunk: Buffer) => { splitter.push(chunk) }).on('end', () => { splitter.end() })
  }
  try {
    await closed
  } finally {
    signal.removeEventListener('abort', kill)
  }
  return {
    ...(child.exitCode === null ? {} : { status: child.exitCode }),
    ...(child.signalCode === null ? {} : { signal: child.signalCode }),
    ...(isTooMuch() ? { cut: true } : {}),
  }
}

/** A kselftest gives each of its tests a process group: only the session holds them all. */
const killSession = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  for (const name of namesIn('/proc')) {
    if (/^\d+$/.test(name) && sessionOf(name) === pid) killOne(Number(name))
  }
}

/** Field 6 of /proc/PID/stat; the name before it may hold anything. */
const sessionOf = (pid: string): number | undefined => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
  } catch {
    return undefined
  }
}

const killOne = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
