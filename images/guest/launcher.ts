/**
 * Runs in the guest before anything is asked: Node is started and koffi is loaded, so that the first request need not wait for them.
 * Serves one connection on a unix socket, then ends; init starts the next one. The connection begins with one JSON line,
 * `{ "bundle": bytes }`, then that many bytes of the agent's code; the rest is the agent's.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'

const SOCKET = '/run/agent.sock'
const AGENT = '/run/agent.mjs'
const LONGEST_HEAD = 256

interface Agent {
  serve(input: Readable, output: Writable): Promise<void>
}

const isAgent = (module: unknown): module is Agent =>
  typeof module === 'object' && module !== null && 'serve' in module && typeof module.serve === 'function'

const receiveBundle = async (connection: Socket): Promise<Buffer> => {
  let received = Buffer.alloc(0)
  let end: number | undefined
  for (;;) {
    const chunk: unknown = connection.read()
    if (Buffer.isBuffer(chunk)) {
      received = Buffer.concat([received, chunk])
      end ??= endOfBundle(received)
      if (end !== undefined && received.length >= end) break
    } else {
      await new Promise<void>((resolve, reject) => {
        connection.once('readable', resolve).once('end', () => { reject(new Error('the connection ended before the agent was there')) })
      })
    }
  }
  if (received.length > end) connection.unshift(received.subarray(end))
  return received.subarray(received.indexOf('\n') + 1, end)
}

const endOfBundle = (received: Buffer): number | undefined => {
  const head = received.indexOf('\n')
  if (head === -1) {
    if (received.length > LONGEST_HEAD) throw new Error('the connection does not begin with a line about the agent')
    return undefined
  }
  const size: unknown = JSON.parse(received.toString('utf8', 0, head))
  if (typeof size !== 'object' || size === null || !('bundle' in size) || typeof size.bundle !== 'number') {
    throw new Error('the line about the agent does not say how long it is')
  }
  return head + 1 + size.bundle
}

const serveOne = async (connection: Socket): Promise<void> => {
  const bundle = await receiveBundle(connection)
  writeFileSync(AGENT, bundle)
  const agent: unknown = await import(AGENT)
  if (!isAgent(agent)) throw new Error('the agent has no serve()')
  await agent.serve(connection, connection)
  await new Promise<void>((resolve) => connection.end(resolve))
}

createRequire(AGENT)('@koromix/koffi-linux-x64')
rmSync(SOCKET, { force: true })
const server = createServer((connection) => {
  server.close()
  serveOne(connection).then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
server.listen(SOCKET, () => { writeFileSync('/dev/kmsg', 'vfio-lab: agent waits\n') })
