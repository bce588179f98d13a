import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReadStream, WriteStream } from 'node:tty'
import { kernelFault, labFault } from '../host/errors.ts'
import type { TerminalSize } from '../vm/guest-shell.ts'
import type { RunningVm } from '../vm/running-vm.ts'

/** What a shell is joined to: a terminal, or files and pipes. */
export interface Terminal {
  readonly stdin: Readable & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>
  readonly stdout: Writable & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'rows'>>
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The end of the connection is often the first that is heard of the guest's. */
const DEATH_LAG_MS = 1_000

/**
 * Joins a shell in the guest to the terminal until one of them ends; gives the shell's exit status.
 * Throws kernel/GUEST_DIED or lab/QEMU_DIED when the guest ends under it, kernel/SHELL_LOST when the guest lives and only the connection is gone,
 * or the signal's reason.
 */
export const joinShell = async (vm: Pick<RunningVm, 'openShell' | 'death' | 'console'>, { stdin, stdout, stderr, env }: Terminal, signal: AbortSignal): Promise<number> => {
  const onTerminal = stdin.isTTY === true && stdout.isTTY === true
  const size = (): TerminalSize => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 })
  const shell = await vm.openShell(onTerminal ? { terminal: { name: env['TERM'] ?? 'vt100', ...size() } } : {})
  using stack = new DisposableStack()
  if (onTerminal) {
    stdin.setRawMode?.(true)
    stack.defer(() => { stdin.setRawMode?.(false) })
    const resized = () => { shell.resize(size()) }
    stdout.on('resize', resized)
    stack.defer(() => { stdout.off('resize', resized) })
  }
  stack.defer(() => { stdin.unpipe(shell.stream).pause() })
  stdin.pipe(shell.stream)
  shell.stream.pipe(stdout, { end: false })
  shell.stderr.pipe(stderr, { end: false })
  // A shell that ended reads no more.
  shell.stream.on('error', () => undefined)

  const first = await Promise.race([
    shell.ended.then((status) => ({ status })),
    vm.death.then((death) => ({ death })),
    once(signal, 'abort').then(() => ({ aborted: true as const })),
  ])
  signal.throwIfAborted()
  if ('status' in first && first.status !== undefined) return first.status
  const death = 'death' in first ? first.death : await Promise.race([vm.death, sleep(DEATH_LAG_MS)])
  signal.throwIfAborted()
  const tail = vm.console.slice(-8)
  if (death === undefined) throw kernelFault('SHELL_LOST', 'the connection to the shell broke, and the guest lives', { tail })
  throw death.kind === 'kernel' ? kernelFault('GUEST_DIED', `the guest died: ${death.because}`, { tail }) : labFault('QEMU_DIED', death.because, { tail })
}
