/**
 * Runs in the guest before anything is asked: Node is started, koffi and the agent are loaded, so that the first request need not wait
 * for them. Serves one connection on a unix socket, then ends; init starts the next one.
 *
 * The image has it as a startup snapshot of Node too: Node's own modules below are then in its memory and need not be loaded. With
 * the words `compile SCRIPT CACHE` it makes, on the host, the code cache of an agent's script.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { wrap } from 'node:module'
import { createServer, type Socket } from 'node:net'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { startupSnapshot } from 'node:v8'
import { Script } from 'node:vm'
// What agents are made of, and what listen() would load.
import 'node:cluster'
import 'node:fs/promises'
import 'node:os'
import 'node:path'
import 'node:stream/promises'
import 'node:timers/promises'
import 'node:url'
import 'node:util'

/** As in orchestrator/vm/start-vm.ts. */
const SOCKET = '/run/agent.sock'
/** What is deployed, as in orchestrator/image/guest-agent.ts; the last of it tells that all of it is there. */
const SCRIPT = '/run/agent.js'
const CACHE = '/run/agent.cache'
const DEPLOYED = '/run/agent.deployed'
/** Where the image has koffi's binary: found without a search, it is loaded in a sixth of the time. */
const KOFFI = '/disk/node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node'
/** Tells init that the snapshot was taken by this guest's Node. */
const LAUNCHED = '/run/launched'

interface Agent {
  serve(input: Readable, output: Writable): Promise<void>
}

const isAgent = (module: unknown): module is Agent =>
  typeof module === 'object' && module !== null && 'serve' in module && typeof module.serve === 'function'

const koffi: { exports: unknown } = { exports: {} }

const requireForAgent = (name: string): unknown => (name.startsWith('@koromix/') ? koffi.exports : process.getBuiltinModule(name))

const loaded = (path: string, cache: string | undefined): { readonly script: Script; readonly agent: Agent } => {
  const cachedData = cache !== undefined && existsSync(cache) ? { cachedData: readFileSync(cache) } : {}
  const script = new Script(wrap(readFileSync(path, 'utf8')), { filename: `file://${path}`, ...cachedData })
  const module: { exports: unknown } = { exports: {} }
  const run: unknown = script.runInThisContext()
  if (typeof run !== 'function') throw new Error('the agent is no script of CommonJS')
  Reflect.apply(run, undefined, [module.exports, requireForAgent, module, path, '/run'])
  if (!isAgent(module.exports)) throw new Error('the agent has no serve()')
  return { script, agent: module.exports }
}

/** What ran is compiled and goes into the cache: the whole of the agent is loaded, and its catalogue asked for. */
const compile = async (from: string, to: string): Promise<void> => {
  const { script, agent } = loaded(from, undefined)
  const input = new PassThrough()
  input.write('{"list":true}\n')
  await agent.serve(input, new PassThrough().resume())
  writeFileSync(to, script.createCachedData())
}

const serveOne = async (connection: Socket, ready: Agent | undefined): Promise<void> => {
  const agent = ready ?? loaded(SCRIPT, CACHE).agent
  await agent.serve(connection, connection)
  await new Promise<void>((resolve) => connection.end(resolve))
}

const launch = (): void => {
  writeFileSync(LAUNCHED, '')
  process.dlopen(koffi, KOFFI)
  const ready = existsSync(DEPLOYED) ? loaded(SCRIPT, CACHE).agent : undefined
  rmSync(SOCKET, { force: true })
  const server = createServer((connection) => {
    server.close()
    serveOne(connection, ready).then(() => process.exit(0), fail)
  })
  server.listen(SOCKET, () => { writeFileSync('/dev/kmsg', 'vfio-lab: agent waits\n') })
}

const fail = (error: unknown): void => {
  console.error(error)
  process.exit(1)
}

const main = (): void => {
  const [task, from, to] = process.argv.slice(-3)
  if (task === 'compile' && from !== undefined && to !== undefined) compile(from, to).then(() => process.exit(0), fail)
  else launch()
}

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(main)
else main()
