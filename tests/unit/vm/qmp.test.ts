import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { connectQmp, type QmpEvent } from '../../../orchestrator/vm/qmp.ts'

const request = z.object({ execute: z.string(), id: z.number() })

/** A server that greets and then answers each command as it is told. */
const qemu = async (stack: AsyncDisposableStack, answer: (command: string, id: number, socket: Socket) => void, listenAfterMs = 0): Promise<string> => {
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'qmp-')), (path) => rm(path, { recursive: true }))
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n')
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const { execute, id } = request.parse(JSON.parse(line))
        if (execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${id}}\r\n`)
        else answer(execute, id, socket)
      }
    })
    stack.defer(() => { socket.destroy() })
  })
  stack.defer(() => { server.close() })
  setTimeout(() => { server.listen(join(folder, 'qmp')) }, listenAfterMs)
  return join(folder, 'qmp')
}

const live = new AbortController().signal

it('waits for QEMU to listen, and gives answers to whom they belong', async () => {
  await using stack = new AsyncDisposableStack()
  const path = await qemu(stack, (command, id, socket) => {
    setTimeout(() => { socket.write(`{"id": ${id}, "return": "${command}"}\r\n`) }, command === 'slow' ? 50 : 0)
  }, 60)
  using qmp = await connectQmp(path, () => undefined, live)
  expect(await Promise.all([qmp.execute('slow'), qmp.execute('fast')])).toEqual(['slow', 'fast'])
})

it('gives events, also in pieces', async () => {
  await using stack = new AsyncDisposableStack()
  const events: QmpEvent[] = []
  const path = await qemu(stack, (_, id, socket) => {
    socket.write('{"event": "SHUTDOWN", "data": {"guest": true, ')
    setTimeout(() => { socket.write(`"reason": "guest-reset"}}\r\n{"event": "STOP"}\r\n{"return": {}, "id": ${id}}\r\n`) }, 20)
  })
  using qmp = await connectQmp(path, (event) => { events.push(event) }, live)
  await qmp.execute('anything')
  expect(events).toEqual([{ event: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } }, { event: 'STOP', data: {} }])
})

it.each<[string, (id: number, socket: Socket) => void, RegExp]>([
  ['refuses', (id, socket) => { socket.write(`{"error": {"class": "GenericError", "desc": "no such port"}, "id": ${id}}\r\n`) }, /no such port/],
  ['goes away', (_, socket) => { socket.destroy() }, /closed/],
  ['talks nonsense', (_, socket) => { socket.write('hello\r\n') }, /not a QMP message/],
])('throws when QEMU %s', async (_, answer, words) => {
  await using stack = new AsyncDisposableStack()
  const path = await qemu(stack, (_command, id, socket) => { answer(id, socket) })
  using qmp = await connectQmp(path, () => undefined, live)
  const error: unknown = await qmp.execute('anything').catch((cause: unknown) => cause)
  expect(error).toMatchObject({ kind: 'lab', code: 'QMP_FAILED' })
  expect(String(error)).toMatch(words)
  if (words.source !== 'no such port') await expect(qmp.execute('more')).rejects.toMatchObject({ code: 'QMP_FAILED' })
})

it('stops waiting for a QEMU that never listens', async () => {
  const stop = new AbortController()
  const connecting = connectQmp('/nonexistent/qmp', () => undefined, stop.signal)
  await sleep(30)
  stop.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
})
