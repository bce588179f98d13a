import { once } from 'node:events'
import type { ReadStream, WriteStream } from 'node:tty'
import { kernelFault, labFault } from '../host/errors.ts'
import type { TerminalSize } from '../vm/guest-shell.ts'
import type { RunningVm } from '../vm/running-vm.ts'

/** What a shell is joined to: a terminal, or files and pipes. */
export interface Terminal {
  readonly stdin: ReadStream & { fd: 0 }
  readonly stdout: WriteStream & { fd: 1 }
  readonly stderr: WriteStream & { fd: 2 }
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Joins a shell in the guest to the terminal until one of them ends; gives the shell's exit status.
 * Throws kernel/GUEST_DIED or lab/QEMU_DIED when the guest ends under it, or the signal's reason.
 */
export const joinShell = async (vm: RunningVm, { stdin, stdout, stderr, env }: Terminal, signal: AbortSignal): Promise<number> => {
  const onTerminal = stdin.isTTY && stdout.isTTY
  const size = (): TerminalSize => ({ columns: stdout.columns, rows: stdout.rows })
  const shell = await vm.openShell(onTerminal ? { terminal: { name: env['TERM'] ?? 'vt100', ...size() } } : {})
  using stack = new DisposableStack()
  if (onTerminal) {
    stdin.setRawMode(true)
    stack.defer(() => { stdin.setRawMode(false) })
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
  const death = 'death' in first ? first.death : await vm.death
  const tail = vm.console.slice(-8)
  throw death.kind === 'kernel' ? kernelFault('GUEST_DIED', `the guest died: ${death.because}`, { tail }) : labFault('QEMU_DIED', death.because, { tail })
}
