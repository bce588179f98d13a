import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentEvent, CaseInfo } from '../../guest-agent/protocol.ts'
import { guestAgent } from '../../orchestrator/image/guest-agent.ts'
import type { DeviceServerSpec, RunningVm, VmSpec } from '../../orchestrator/vm/running-vm.ts'
import { startVm } from '../../orchestrator/vm/start-vm.ts'
import { type Guest, openGuest } from './guest.ts'

const live = new AbortController().signal
const DEVICE = join(import.meta.dirname, '../../images/devices/vfio-user-dma/device.ts')
const SICK = join(import.meta.dirname, 'nonsense-device.ts')
const NAME = 'vfio-user-dma'
/** With ACPI's hotplug QEMU's ports of a higher speed say after a reset of their bus that the link is down. */
const PORT = 'pcie-root-port,id=port0,chassis=1,slot=1,addr=8,x-speed=2_5'

let guest: Guest
let agent: Uint8Array
beforeAll(async () => {
  guest = await openGuest('noiommu', [])
  agent = await guestAgent(guest.image, live)
})
afterAll(async () => { await guest[Symbol.asyncDispose]() })

interface Booted extends AsyncDisposable {
  readonly vm: RunningVm
  readonly spec: VmSpec
}

const boot = async (device: Partial<DeviceServerSpec> = {}, change: Partial<VmSpec> = {}): Promise<Booted> => {
  const plain = await guest.spec()
  const spec = {
    ...plain,
    machineArgs: [...plain.machineArgs, '-device', PORT],
    deviceServers: [{ name: NAME, file: DEVICE, id: 'device', bus: 'port0', ...device }],
    ...change,
  }
  const vm = await startVm(spec, { ...guest.surroundings, agent, signal: live })
  return { vm, spec, [Symbol.asyncDispose]: () => vm[Symbol.asyncDispose]() }
}

const catalogue = async (vm: RunningVm): Promise<readonly CaseInfo[]> => {
  const events = await Array.fromAsync(vm.ask({ list: true }, live))
  return events.flatMap((event) => (event.event === 'catalogue' ? event.cases : []))
}

/** How the cases ended, by id: `pass`, or why not. */
const run = async (vm: RunningVm, cases: readonly string[]): Promise<Readonly<Record<string, string>>> => {
  const cell = { ...guest.cell, devices: [NAME] as const }
  const events = await Array.fromAsync<AgentEvent>(vm.ask({ run: { cases, cell, timeoutScale: 4 } }, live))
  return Object.fromEntries(events.flatMap((event) => (event.event === 'case-end' ? [[event.id, event.message ?? event.outcome]] : [])))
}

const passed = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, 'pass']))
const failure = async (promise: Promise<unknown>): Promise<unknown> => promise.then(() => { throw new Error('it did not fail') }, (error: unknown) => error)

describe('the programmable DMA device behind a virtual IOMMU', () => {
  it('does DMA, raises interrupts of all kinds, is reset, has odd BARs, and sees each DMA that was refused', async () => {
    await using booted = await boot()
    const { vm, spec } = booted
    const own = (await catalogue(vm)).filter(({ needs }) => needs.deviceKind === NAME).map(({ id }) => id)
    expect(own).toEqual(expect.arrayContaining(['dma-refused/unmapped', 'bar-layout/large', 'irq-kinds/intx', 'irq-kinds/msix', 'reset-flr/once']))
    const ids = [...own, 'dma/unmapped', 'dma/read-only', 'dma/read-only-group', 'irq-msi/deliver', 'irq-msi/exclusive', 'hot-reset/cdev']
    expect(await run(vm, ids)).toEqual(passed(ids))

    const reports = vm.deviceReports.get(NAME) ?? []
    const refused = reports.flatMap((report) => (report.event === 'dma' && report.outcome === 'refused' ? [report] : []))
    expect(refused.length).toBeGreaterThanOrEqual(10)
    expect(refused.every(({ code }) => code === 'ENODEV')).toBe(true)
    expect(refused.map(({ direction }) => direction)).toEqual(expect.arrayContaining(['read', 'write']))
    expect(reports.flatMap((report) => (report.event === 'reset' ? [report.by] : []))).toEqual(expect.arrayContaining(['client', 'flr']))
    expect(reports.filter(({ event }) => event === 'device-error')).toEqual([])
    await booted[Symbol.asyncDispose]()
    const saved = (await readFile(join(spec.folder, `${NAME}.ndjson`), 'utf8')).trimEnd().split('\n').map((line): unknown => JSON.parse(line))
    expect(saved.slice(0, reports.length)).toMatchObject(reports)
  })

  it('with config space that is broken, and away for a while after its reset, is opened all the same', async () => {
    await using booted = await boot({ options: { broken: ['vendor-overlap', 'extended-vendor-overlap', 'no-intx-disable'], goneAfterResetMs: 1500 } })
    const ids = ['device-info/info', 'irq-kinds/intx', 'reset-flr/once']
    expect(await run(booted.vm, ids)).toEqual(passed(ids))
    const said = (words: RegExp) => booted.vm.console.some((line) => words.test(line))
    expect(said(/vfio_cap_init: PCI config conflict @0x50, was cap 0x9 now cap 0x5/)).toBe(true)
    expect(said(/vfio_ecap_init: PCI config conflict @0x110, was ecap 0xb now ecap 0x3/)).toBe(true)
  })
})

describe('a device that is no good is the lab\'s error, names the device and comes soon', () => {
  it.each([
    ['answers garbage to the first message', { way: 'garbage' }, /larger than max|bad header size/],
    ['answers something else than it was asked', { way: 'stranger' }, /unexpected reply/],
    ['dies at the first message', { way: 'dies' }, /SIGKILL/],
    ['does not answer', { way: 'silent' }, /timed out|no answer/i],
  ])('one that %s does not let the guest boot', async (_, options, words) => {
    const error = await failure(boot({ file: SICK, options, answerLimitMs: 3000 }))
    expect(error).toMatchObject({ kind: 'lab' })
    expect(String(error)).toMatch(NAME)
    expect(String(error)).toMatch(words)
  }, 60_000)

  it.each([
    ['answers garbage', { way: 'garbage' }, /larger than max|bad header size/],
    ['dies', { way: 'dies' }, /SIGKILL/],
    ['does not answer', { way: 'silent' }, /timed out|no answer/i],
  ])('one that %s when a register is read ends the guest', async (_, options, words) => {
    await using booted = await boot({ file: SICK, options: { ...options, from: 'register' }, answerLimitMs: 3000 })
    const { vm } = booted
    const running = run(vm, ['reset-flr/once']).catch(() => undefined)
    const death = await vm.death
    expect(death).toMatchObject({ kind: 'lab' })
    expect(death.because).toMatch(NAME)
    expect(death.because).toMatch(words)
    await booted[Symbol.asyncDispose]()
    await running
  }, 120_000)

  it('one that QEMU refuses, or never comes to the end of, is named', async () => {
    expect(String(await failure(boot({ options: { broken: ['msix-table-outside'] } })))).toMatch(/vfio-user-dma.*don't fit in BARs/)
    expect(String(await failure(boot({ options: { broken: ['capability-loop'] } })))).toMatch(/QEMU did not answer.*vfio-user-dma/)
  }, 60_000)

  it('one with options that it does not have, or that is no device, is the user\'s error', async () => {
    const wrong = await failure(boot({ options: { adressBits: 32 } }))
    expect(wrong).toMatchObject({ kind: 'yours', code: 'BAD_DEVICE' })
    expect(String(wrong)).toMatch(/vfio-user-dma.*adressBits/)
    expect(await failure(boot({ file: join(import.meta.dirname, 'guest.ts') }))).toMatchObject({ kind: 'yours', code: 'BAD_DEVICE' })
    expect(await failure(boot({ file: '/nowhere.ts' }))).toMatchObject({ kind: 'yours', code: 'BAD_DEVICE' })
  })
})
