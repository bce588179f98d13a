import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AgentEvent, AgentRequest } from '../../guest-agent/protocol.ts'
import { guestAgent } from '../../orchestrator/image/guest-agent.ts'
import { packAgent } from '../../orchestrator/image/pack-agent.ts'
import type { RunningVm, VmSpec } from '../../orchestrator/vm/running-vm.ts'
import { startVm } from '../../orchestrator/vm/start-vm.ts'
import { temporaryDir } from '../lab-process.ts'
import { type Guest, openGuest } from './guest.ts'

const live = new AbortController().signal
let guest: Guest
beforeAll(async () => { guest = await openGuest() })
afterEach(() => { vi.unstubAllEnvs() })
afterAll(async () => { await guest[Symbol.asyncDispose]() })

/** An agent that does what its one case is called. */
const SICK_AGENT = `
const hello = JSON.stringify({ event: 'hello', protocol: 1, node: process.version, release: 'x', pid: process.pid }) + '\\n'
const start = (id) => JSON.stringify({ event: 'case-start', id }) + '\\n'
const does = {
  'sick/garbage': (output) => { output.write('Segmentation fault (core dumped)\\n') },
  'sick/escapes': (output) => { output.write('\\u001b[2J\\u001b]0;owned\\u0007\\u001b[31mred\\n') },
  'sick/endless': async (output) => { for (let i = 0; i < 1600; i++) if (!output.write(Buffer.alloc(65536, 120))) await new Promise((go) => output.once('drain', go)) },
  'sick/crash': async (output) => { await new Promise((go) => output.write(start('sick/crash'), go)); process.kill(process.pid, 'SIGSEGV'); await new Promise((go) => setTimeout(go, 1e6)) },
  'sick/exit': async (output) => { await new Promise((go) => output.write(start('sick/exit'), go)); process.exit(7) },
  'sick/other': (output) => { output.write(start('sick/unasked')) },
  'well/bye': (output) => { output.write(JSON.stringify({ event: 'bye', ran: 0 }) + '\\n') },
}
exports.serve = async (input, output) => {
  const [line] = await new Promise((go) => input.once('data', (chunk) => go(chunk.toString().split('\\n'))))
  output.write(hello)
  await does[JSON.parse(line).run.cases[0]](output)
  await new Promise((go) => output.write('', go))
}
`
const sickAgent = async (): Promise<Uint8Array> => {
  await using folder = await temporaryDir()
  await writeFile(join(folder.path, 'agent.js'), SICK_AGENT)
  await writeFile(join(folder.path, 'agent.deployed'), '')
  return await packAgent(folder.path, ['agent.js', 'agent.deployed'])
}

const asking = (id: string): AgentRequest => ({ run: { cases: [id], cell: { config: {}, uapi: [], iommu: [], devices: [], topology: [] }, timeoutScale: 1 } })
const boot = async (change: Partial<VmSpec> = {}, signal = live): Promise<RunningVm> =>
  startVm({ ...(await guest.spec()), ...change }, { ...guest.surroundings, agent: await sickAgent(), signal })
const failure = async (promise: Promise<unknown>): Promise<unknown> => promise.then(() => { throw new Error('it did not fail') }, (error: unknown) => error)

/** QEMU processes whose command line names this folder. */
const qemus = async (folder: string): Promise<readonly number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })))
  return lines.filter(({ line }) => line.startsWith('qemu-system') && line.includes(folder)).map(({ pid }) => Number(pid))
}

describe('an agent that is sick', () => {
  let vm: RunningVm
  beforeAll(async () => { vm = await boot() })
  afterAll(async () => { await vm[Symbol.asyncDispose]() })
  const ask = async (id: string): Promise<readonly AgentEvent[]> => Array.fromAsync(vm.ask(asking(id), live))

  it.each([
    ['prints garbage', 'sick/garbage', /Segmentation fault/],
    ['prints terminal escapes', 'sick/escapes', /red/],
    ['prints a line of 100 MB', 'sick/endless', /longer than 65536 bytes/],
    ['starts a case that nobody asked for', 'sick/other', /not asked for/],
  ])('%s: its output is invalid, which is the lab\'s fault', async (_, id, words) => {
    const error = await failure(ask(id))
    expect(error).toMatchObject({ kind: 'lab', code: 'AGENT_OUTPUT_INVALID' })
    expect(String(error)).toMatch(words)
    expect(Buffer.from(String(error)).every((byte) => byte >= 0x20)).toBe(true)
  })

  it.each([
    ['dies by a signal', 'sick/crash', /SIGSEGV/],
    ['exits', 'sick/exit', /exit status 7/],
  ])('%s: that is said with how', async (_, id, words) => {
    const error = await failure(ask(id))
    expect(error).toMatchObject({ kind: 'kernel', code: 'AGENT_DIED' })
    expect(String(error)).toMatch(words)
  })

  it('does not keep the next one from answering', async () => {
    expect((await ask('well/bye')).map(({ event }) => event)).toEqual(['hello', 'bye'])
  })
})

it('the agent of the lab answers on a real guest', async () => {
  const spec = await guest.spec()
  await using vm = await startVm(spec, { ...guest.surroundings, agent: await guestAgent(guest.image, live), signal: live })
  const events = await Array.fromAsync(vm.ask({ list: true }, live))
  expect(events.map(({ event }) => event)).toContain('catalogue')
  expect(await readFile(join(spec.folder, 'console.log'), 'utf8')).toContain('vfio-lab: init: ssh is up')
})

it('a panic before init is told within a second, with QEMU alive until then and nothing left after', async () => {
  await using temporary = await temporaryDir()
  vi.stubEnv('TMPDIR', temporary.path)
  const spec = await guest.spec()
  const startedAt = performance.now()
  const error = await failure(boot({ ...spec, commandLine: ['rdinit=/nowhere'] }))
  const tookMs = performance.now() - startedAt
  expect(error).toMatchObject({ kind: 'kernel', code: 'BOOT_PANIC' })
  expect(String(error)).toMatch(/panic: VFS: Unable to mount root fs/)
  expect(tookMs).toBeLessThan(spec.bootLimitMs / 2)
  expect(await qemus(spec.initrd)).toEqual([])
  expect(await readdir(temporary.path)).toEqual([])
})

it('a guest that never says anything is silent at its limit, no earlier and not much later', async () => {
  const spec = await guest.spec()
  const startedAt = performance.now()
  const error = await failure(boot({ ...spec, machineArgs: [...spec.machineArgs, '-S'], bootLimitMs: 3000 }))
  const tookMs = performance.now() - startedAt
  expect(error).toMatchObject({ kind: 'kernel', code: 'BOOT_SILENT' })
  expect(tookMs).toBeGreaterThan(2900)
  expect(tookMs).toBeLessThan(10_000)
})

it('a QEMU that refuses its arguments is the lab\'s fault, in its own words', async () => {
  const error = await failure(boot({ machineArgs: ['-device', 'no-such-device'] }))
  expect(error).toMatchObject({ kind: 'lab', code: 'QEMU_DIED' })
  expect(String(error)).toMatch(/no-such-device/)
})

it('a QEMU that is killed under a guest is the lab\'s fault', async () => {
  const spec = await guest.spec()
  await using vm = await boot(spec)
  const [pid] = await qemus(spec.initrd)
  if (pid === undefined) throw new Error('no QEMU')
  process.kill(pid, 'SIGKILL')
  expect(await vm.death).toMatchObject({ kind: 'lab', because: 'QEMU ended with SIGKILL' })
})

it('an aborted boot ends QEMU and throws the reason', async () => {
  const spec = await guest.spec()
  const stop = new AbortController()
  const booting = failure(boot(spec, stop.signal))
  await sleep(700)
  stop.abort(new Error('interrupted'))
  expect(String(await booting)).toMatch('interrupted')
  expect(await qemus(spec.initrd)).toEqual([])
})
