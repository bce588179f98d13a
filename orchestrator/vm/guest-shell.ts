import type { Duplex, Readable } from 'node:stream'
import type ssh2 from 'ssh2'
import { signalStatus } from './status-text.ts'

/** The size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** A shell in a guest. What it says is the guest's own: whoever shows it to a terminal lets the guest draw there. */
export interface GuestShell {
  readonly stream: Duplex
  readonly stderr: Readable
  resize(size: TerminalSize): void
  /** The shell's exit status, of a signal as another shell would tell it; undefined when the connection broke. Never rejects. */
  readonly ended: Promise<number | undefined>
}

export interface ShellRequest {
  /** Left out: no terminal, the shell reads commands from its input. */
  readonly terminal?: TerminalSize & { /** $TERM. */ readonly name: string }
}

/** Node is on the image's disk. */
const SHELL = 'exec env PATH=/bin:/disk/bin HOME=/root sh'

export const openShell = (client: ssh2.Client, { terminal }: ShellRequest): Promise<GuestShell> =>
  new Promise((resolve, reject) => {
    const opened = (error: Error | undefined, channel: ssh2.ClientChannel): void => {
      if (error !== undefined) { reject(error); return }
      let status: number | undefined
      channel.on('exit', (code: unknown, signal: unknown) => { status = typeof code === 'number' ? code : signalStatus(signal) })
      const ended = new Promise<number | undefined>((settle) => { channel.once('close', () => { settle(status) }) })
      resolve({
        stream: channel,
        stderr: channel.stderr,
        resize: ({ columns, rows }) => { channel.setWindow(rows, columns, 0, 0) },
        ended,
      })
    }
    if (terminal === undefined) client.exec(SHELL, opened)
    else client.exec(SHELL, { pty: { term: terminal.name, cols: terminal.columns, rows: terminal.rows } }, opened)
  })
