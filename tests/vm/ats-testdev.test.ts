import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentEvent } from '../../guest-agent/protocol.ts'
import { catalogue } from '../../guest-agent/suites/index.ts'
import { run } from '../../orchestrator/host/spawn.ts'
import { guestAgent } from '../../orchestrator/image/guest-agent.ts'
import { ATS_TESTDEV, atsTestdev } from '../../orchestrator/machine/ats-testdev.ts'
import { deviceValue } from '../../orchestrator/machine/device-args.ts'
import { type IntelIommuOptions, intelIommu } from '../../orchestrator/machine/iommus.ts'
import { machineArgs } from '../../orchestrator/machine/machine-args.ts'
import { machineFacts } from '../../orchestrator/machine/machine-facts.ts'
import type { MachineFacts, MachineSpec } from '../../orchestrator/machine/machine-spec.ts'
import { unmetNeed } from '../../orchestrator/plan/unmet-need.ts'
import { type AtsQemu, openAtsQemu } from '../../orchestrator/qemu/ats-qemu.ts'
import { qemuCommand } from '../../orchestrator/toolbox/qemu-program.ts'
import type { RunningVm } from '../../orchestrator/vm/running-vm.ts'
import { startVm } from '../../orchestrator/vm/start-vm.ts'
import { temporaryDir } from '../lab-process.ts'
import { type Guest, openGuest } from './guest.ts'

const { signal } = new AbortController()
const silent = () => undefined
const SUITES = ['ats', 'ats-attach']

let guest: Guest
let ats: AtsQemu
beforeAll(async () => {
  guest = await openGuest()
  ats = await openAtsQemu({ given: undefined, tools: guest.surroundings.tools, notice: silent, signal })
})
afterAll(async () => {
  await ats[Symbol.asyncDispose]()
  await guest[Symbol.asyncDispose]()
})

/** The machine without its device, which each test plugs in with options of its own. */
const machineWith = (options: IntelIommuOptions): MachineSpec =>
  ({ name: 'ats', iommu: intelIommu({ deviceIotlb: true, ...options }), devices: [], memoryMiB: 512, cpus: 1, onRequest: true })

const boot = async (from: Guest, options: IntelIommuOptions, properties: Readonly<Record<string, string>> = {}): Promise<RunningVm> => {
  const { qemu, commandLine } = machineArgs(machineWith(options), ats.offer)
  const device = deviceValue({ ...atsTestdev(ats.offer)?.properties, ...properties, id: 'device0', bus: 'port0' })
  const argv = [...qemu, '-device', 'pcie-root-port,id=port0,chassis=1,slot=1,addr=8', '-device', device]
  const agent = await guestAgent(from.image, signal)
  return await startVm({ ...await from.spec(), machineArgs: argv, commandLine, qemu: ats.qemu }, { ...from.surroundings, agent, signal })
}

/** Outcomes of the suites' cases that can run there: id -> `pass` or what went wrong. */
const outcomes = async (
  from: Guest, vm: RunningVm, options: IntelIommuOptions, wanted: (id: string) => boolean = () => true,
): Promise<Readonly<Record<string, string>>> => {
  const facts: MachineFacts = { ...machineFacts(machineWith(options)), devices: [ATS_TESTDEV] }
  const planned = catalogue.map(({ info }) => info)
    .filter(({ id, suite, needs }) => (SUITES.includes(suite) || needs.deviceKind === ATS_TESTDEV) && wanted(id) && unmetNeed(needs, from.kernel, facts) === undefined)
  const events: AgentEvent[] = []
  const cell = { config: from.kernel.config, uapi: from.kernel.uapi, ...facts }
  for await (const event of vm.ask({ run: { cases: planned.map(({ id }) => id), cell, timeoutScale: 10 } }, signal)) events.push(event)
  expect(vm.console.filter((line) => /WARNING: |BUG: |Oops/.test(line))).toEqual([])
  const ended = new Map(events.flatMap((event) => (event.event === 'case-end' ? [[event.id, [event.outcome, event.message].filter(Boolean).join(': ')]] : [])))
  return Object.fromEntries(planned.map(({ id }) => [id, ended.get(id) ?? 'did not run']))
}

const allPass = (ids: Readonly<Record<string, string>>) => Object.fromEntries(Object.keys(ids).map((id) => [id, 'pass']))
const namesOf = (ids: Readonly<Record<string, string>>, suite: string) => Object.keys(ids).filter((id) => id.startsWith(`${suite}/`))

describe.each([
  ['legacy mode', {}],
  ['scalable mode', { scalable: true }],
  ['first-stage translation', { scalable: true, firstStage: true }],
])('behind an IOMMU in %s', (_, options) => {
  it('what is unmapped, detached or replaced is gone from the device, on every path', async () => {
    await using vm = await boot(guest, options)
    const found = await outcomes(guest, vm, options)
    expect(found).toEqual(allPass(found))
    expect(namesOf(found, 'ats')).toHaveLength(16)
    expect(namesOf(found, 'ats-attach')).toHaveLength(4)
  })
})

it('the container of iommufd invalidates as that of type1 does', async () => {
  await using compat = await openGuest('iommufd')
  await using vm = await boot(compat, {})
  const found = await outcomes(compat, vm, {}, (id) => id.endsWith('-group'))
  expect(found).toEqual(allPass(found))
  expect(namesOf(found, 'ats')).toHaveLength(8)
})

it('a device that does not tell what it keeps shows the same by what is in memory', async () => {
  await using vm = await boot(guest, {}, { counters: 'off' })
  const found = await outcomes(guest, vm, {}, (id) => /\/(?:unmap|remap|read-only|detach|replace)$/.test(id))
  expect(found).toEqual(allPass(found))
  expect(Object.keys(found)).toHaveLength(5)
})

it('a program that knows the device by the description of its registers runs', async () => {
  await using dir = await temporaryDir()
  const program = join(dir.path, 'ats-testdev-dma')
  const source = join(import.meta.dirname, 'ats-testdev-dma.c')
  const { tools } = guest.surroundings
  const args = ['-static', '-O2', '-Wall', '-Werror', '-o', program, source]
  await run(tools.command({ program: 'gcc', args, read: [source], write: [dir.path] }), { what: 'compiling the program', signal })
  await using vm = await boot(guest, {})
  await vm.execute('cat > /tmp/program && chmod +x /tmp/program', await readFile(program))
  const steps = [
    'device=$(grep -l 0x11e9 /sys/bus/pci/devices/*/device) && device=$(dirname $device)',
    'echo vfio-pci > $device/driver_override && echo $(basename $device) > /sys/bus/pci/drivers/vfio-pci/bind',
    '/tmp/program /dev/vfio/devices/$(ls $device/vfio-dev) > /dev/console 2>&1',
  ]
  await vm.execute(steps.join(' && '), new Uint8Array())
  expect(vm.console).toContain('4096 bytes went to the device and came back')
})

it('a QEMU that has the device is used as it is', async () => {
  await using dir = await temporaryDir()
  const given = join(dir.path, 'qemu')
  const { file, args } = qemuCommand(ats.qemu, guest.surroundings.tools, { args: [] })
  await writeFile(given, `#!/bin/sh\nexec ${[file, ...args].map((word) => `'${word}'`).join(' ')} "$@"\n`)
  await chmod(given, 0o755)
  const notice = (text: string) => { throw new Error(text) }
  await using found = await openAtsQemu({ given, tools: guest.surroundings.tools, notice, signal })
  expect(found.qemu).toEqual({ program: given, runsIn: 'host' })
  expect(found.offer).toEqual(ats.offer)
})

it.each([
  ['is not there', '/no/such/qemu', /\/no\/such\/qemu/],
  ['is another program', '/bin/false', /status 1/],
  ['says nothing', '/bin/true', /does not answer/],
])('a given QEMU that %s is the user\'s mistake', async (_, given, words) => {
  const opening = openAtsQemu({ given, tools: guest.surroundings.tools, notice: silent, signal })
  await expect(opening).rejects.toMatchObject({ kind: 'yours', code: 'BAD_QEMU', message: expect.stringMatching(words) as string })
})
