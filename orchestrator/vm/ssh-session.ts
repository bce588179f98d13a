import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import ssh2 from 'ssh2'
import { type LabError, labFault } from '../host/errors.ts'
import { type GuestShell, openShell, type ShellRequest } from './guest-shell.ts'
import type { GuestKeys } from './running-vm.ts'

/** An open SSH connection to a guest. */
export interface SshSession extends Disposable {
  /** A connection to a unix socket in the guest. Rejects when nobody listens there. */
  openSocket(path: string): Promise<Duplex>
  /** Runs a command in the guest to its end, with this input. Rejects when it does not end with status 0. */
  execute(command: string, input: Uint8Array): Promise<void>
  openShell(request: ShellRequest): Promise<GuestShell>
  /** Settles when the connection is gone; never rejects. */
  readonly closed: Promise<void>
}

const KEEPALIVE_MS = 15_000
/** Of ssh2's errors those that another try does not mend. */
const REFUSED: readonly string[] = ['client-authentication', 'handshake']

/**
 * Connects and authenticates: this client key, that host key, nothing else. Rejects when the guest does not listen yet, with LabError
 * lab/SSH_REFUSED when one of the keys is refused or is no key, or with the signal's reason.
 */
export const openSsh = (port: number, keys: GuestKeys, signal: AbortSignal): Promise<SshSession> => {
  const client = new ssh2.Client()
  const closed = new Promise<void>((resolve) => { client.once('close', () => { resolve() }) })
  return new Promise((resolve, reject) => {
    const abort = () => {
      client.destroy()
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
    }
    if (signal.aborted) { abort(); return }
    signal.addEventListener('abort', abort, { once: true })
    const settle = () => { signal.removeEventListener('abort', abort) }
    // Stays for the life of the connection: an error without a listener would end the lab.
    client.on('error', (error) => { settle(); client.destroy(); reject(REFUSED.includes(error.level ?? '') ? refused(error) : error) })
    client.once('close', () => { settle(); reject(new Error('the guest closed the SSH connection')) })
    client.once('ready', () => {
      settle()
      resolve({
        closed,
        openSocket: (path) => openSocket(client, path),
        execute: (command, input) => execute(client, command, input),
        openShell: (request) => openShell(client, request),
        [Symbol.dispose]: () => { client.destroy() },
      })
    })
    const connection: ssh2.ConnectConfig = {
      sock: connectTcp({ host: '127.0.0.1', port, noDelay: true }),
      username: 'root',
      privateKey: keys.clientKey,
      authHandler: ['publickey'],
      hostVerifier: (key: Buffer) => Buffer.compare(key, keys.hostKey) === 0,
      // Dropbear has OpenSSH's channels to unix sockets; ssh2 asks only servers that call themselves OpenSSH, unless told.
      strictVendor: false,
      keepaliveInterval: KEEPALIVE_MS,
      // The caller has a limit of its own.
      readyTimeout: 0,
    }
    try {
      client.connect(connection)
    } catch (error) {
      settle()
      connection.sock?.destroy()
      reject(refused(error))
    }
  })
}

const refused = (cause: unknown): LabError =>
  labFault('SSH_REFUSED', `no SSH session with the guest: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })

const openSocket = (client: ssh2.Client, path: string): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(path, (error, stream) => {
      if (error === undefined) resolve(stream)
      else reject(error)
    })
  })

const execute = (client: ssh2.Client, command: string, input: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error !== undefined) { reject(error); return }
      channel.on('error', reject)
      // 'exit' may be missing; 'close' always comes.
      channel.on('close', (code: unknown) => {
        if (code === 0) resolve()
        else reject(new Error(`${command}: ended with ${typeof code === 'number' ? `status ${code}` : 'no status'}`))
      })
      channel.resume()
      channel.stderr.resume()
      channel.end(input)
    })
  })
