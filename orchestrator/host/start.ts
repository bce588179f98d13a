import type { Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { diskFull, isDiskFull } from './disk-full.ts'
import { type LabError, labFault } from './errors.ts'
import { findProgram, hostPath } from './find-program.ts'
import { kernelPipe } from './kernel-pipe.ts'
import { endGroup, guardGroup, releaseGroup } from './process-group.ts'

/** A program to start; what toolbox/tools.ts returns fits. Without `env` it gets the lab's own environment. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where in `args` the program itself stands, when `file` only enters its surroundings (bwrap ... -- program). */
  readonly programAt?: number
}

export interface StartOptions {
  /** Names the thing in errors: `building config noiommu`. */
  readonly what: string
  readonly cwd?: string
  /** Aborting ends the whole process group. */
  readonly signal?: AbortSignal
  /** How long SIGTERM may take before SIGKILL, milliseconds. Default 2000. */
  readonly graceMs?: number
}

/** `code` is null when a signal ended it. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running process and its group. Disposing ends them all and waits for it. */
export interface StartedProcess extends AsyncDisposable {
  readonly pid: number
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** What the process writes to its file descriptor 3. */
  readonly extra: Readable
  /** Settles when the process has ended; never rejects. */
  readonly exited: Promise<Exit>
  /** Ends the whole group: SIGTERM, then SIGKILL after the grace time. Resolves when the process has ended. */
  kill(): Promise<void>
}

/** setpriv(1) of util-linux asks the kernel to kill a program when its parent dies (prctl(2), PR_SET_PDEATHSIG), and becomes the program. */
export const dyingWithParent = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] as const

/**
 * Starts a program in a process group of its own. The group ends when the process does, when the signal aborts, when it is disposed
 * and when the lab itself exits; if even the lab is killed (-9), the kernel kills the process.
 * Both output streams must be read (or resumed), or the process blocks on a full pipe.
 * Throws lab/TOOL_MISSING when there is no such program.
 */
export const start = async (command: Command, options: StartOptions): Promise<StartedProcess> => {
  options.signal?.throwIfAborted()
  const file = await findProgram(command.file, command.env?.['PATH'] ?? hostPath())
  if (file === undefined) throw labFault('TOOL_MISSING', `${options.what}: the program ${command.file} is not there`)

  const [setpriv, ...flags] = dyingWithParent
  const { readable: stdout, writable } = kernelPipe()
  // The lab may be killed before setpriv has asked: then it is no longer the parent.
  const child = execa(setpriv, [...flags, '/bin/sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), file, ...command.args], {
    detached: true,
    cleanup: false,
    buffer: false,
    reject: false,
    stdio: ['pipe', writable, 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(command.env === undefined ? {} : { env: command.env, extendEnv: false }),
  })
  writable.destroy()
  const { pid } = child
  const extra = child.stdio[3]
  // A process that ended without reading its input is no error of ours.
  child.stdin.on('error', () => undefined)
  if (pid === undefined) throw await startFault(options, (await child).cause)
  guardGroup(pid)

  const exited = new Promise<Exit>((resolve) => {
    child.nodeChildProcess.once('exit', (code, signal) => {
      releaseGroup(pid)
      resolve({ code, signal })
    })
  })
  const kill = () => endGroup(pid, exited, options.graceMs ?? 2000)
  const onAbort = () => { void kill() }
  options.signal?.addEventListener('abort', onAbort, { once: true })
  void exited.then(() => { options.signal?.removeEventListener('abort', onAbort) })
  return { pid, stdin: child.stdin, stdout, stderr: child.stderr, extra, exited, kill, [Symbol.asyncDispose]: kill }
}

const startFault = async (options: StartOptions, cause: unknown): Promise<LabError> =>
  isDiskFull(cause)
    ? diskFull(options.what, [options.cwd ?? process.cwd()], { cause })
    : labFault('TOOL_FAILED', `${options.what}: could not be started`, { cause })
