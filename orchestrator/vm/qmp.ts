import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { labFault } from '../host/errors.ts'
import { lineSplitter } from '../host/line-splitter.ts'
import { jsonOf } from '../host/json-of.ts'

/** QEMU's Machine Protocol (docs/interop/qmp-spec.rst) over a unix socket. */
export interface Qmp extends Disposable {
  /** Runs one command and gives what it returned. Throws LabError lab/QMP_FAILED with QEMU's words, or when the connection ends. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>
}

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

const message = z.union([
  z.object({ QMP: z.unknown() }).transform(() => ({ kind: 'greeting' as const })),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }).transform((event) => ({ kind: 'event' as const, event })),
  z.object({ return: z.unknown(), id: z.number() }).transform(({ id, return: value }) => ({ kind: 'return' as const, id, value })),
  z.object({ error: z.object({ desc: z.string() }), id: z.number() }).transform(({ id, error }) => ({ kind: 'error' as const, id, text: error.desc })),
])

const ANSWER_MS = 10_000
const RETRY_MS = 5

/** Connects as soon as QEMU listens, until the signal aborts, and negotiates no capability. */
export const connectQmp = async (path: string, onEvent: (event: QmpEvent) => void, signal: AbortSignal): Promise<Qmp> => {
  const socket = await connected(path, signal)
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let last = 0
  const broken = (why: string) => {
    for (const { reject } of pending.values()) reject(labFault('QMP_FAILED', `QEMU's control socket: ${why}`))
    pending.clear()
    socket.destroy()
  }
  const lines = lineSplitter((line) => {
    if (line.trim() === '') return
    const parsed = message.safeParse(jsonOf(line))
    if (!parsed.success) { broken('not a QMP message'); return }
    const said = parsed.data
    if (said.kind === 'event') onEvent(said.event)
    if (said.kind === 'return') pending.get(said.id)?.resolve(said.value)
    if (said.kind === 'error') pending.get(said.id)?.reject(labFault('QMP_FAILED', `QEMU refused: ${said.text}`))
  })
  socket.on('data', (chunk) => { lines.push(chunk) })
  socket.on('error', (error) => { broken(error.message) })
  socket.on('close', () => { broken('closed') })

  const execute = async (command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
    const id = ++last
    const late = setTimeout(() => {
      pending.get(id)?.reject(labFault('QMP_FAILED', `QEMU did not answer ${command} within ${ANSWER_MS / 1000} s`))
    }, ANSWER_MS)
    try {
      return await new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject })
        if (socket.destroyed) broken('closed')
        else socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
      })
    } finally {
      clearTimeout(late)
      pending.delete(id)
    }
  }
  await execute('qmp_capabilities')
  return { execute, [Symbol.dispose]: () => { socket.destroy() } }
}

const connected = async (path: string, signal: AbortSignal): Promise<Socket> => {
  for (;;) {
    signal.throwIfAborted()
    const socket = createConnection(path)
    try {
      await once(socket, 'connect')
      return socket
    } catch {
      // QEMU has not come so far; whether it lives is somebody else's to say.
      socket.destroy()
      await sleep(RETRY_MS)
    }
  }
}
