import type { AgentEvent, CaseInfo, Needs } from '../../../guest-agent/protocol.ts'
import { consoleMark } from '../../../guest-agent/protocol.ts'
import type { BuiltKernel, FailedKernel } from '../../../orchestrator/kernel/built-kernel.ts'
import type { MachineSpec } from '../../../orchestrator/machine/machine-spec.ts'
import type { CellPlan } from '../../../orchestrator/plan/plan.ts'
import type { GuestEnd, GuestLife } from '../../../orchestrator/verdict/transcript.ts'

export const aCase = (id: string, more: { readonly provokes?: readonly string[]; readonly needs?: Needs } = {}): CaseInfo => ({
  id,
  suite: id.split('/')[0] ?? '',
  title: `${id} holds`,
  needs: more.needs ?? {},
  covers: { ioctls: [], sources: [] },
  timeoutMs: 1000,
  provokes: more.provokes ?? [],
})

export const built: BuiltKernel = {
  status: 'built', key: 'k', release: '7.3.0-rc7', bzImage: '/k/bzImage', dotConfig: '/k/.config', modules: [], systemMap: '/k/System.map', vmlinux: '/k/vmlinux',
  facts: { config: {}, uapi: [] }, headers: {}, notAsked: [], warnings: [], buildMs: 0,
}

export const unbuilt: FailedKernel = {
  status: 'build-failed', because: 'VFIO_GROUP was asked for and is lost', notAsked: [], facts: undefined, release: '7.3.0-rc7', tail: ['make: *** Error 2'], warnings: [], buildMs: 12,
  lost: [{ symbol: 'VFIO_GROUP', asked: 'y', got: 'n', fragment: 'group.config', unmet: 'VFIO (=n)' }],
}

const plainMachine: MachineSpec = { name: 'none', devices: [], memoryMiB: 1024, cpus: 1, onRequest: false }

export const planOf = (cases: readonly CaseInfo[], kernel: CellPlan['kernel'] = built, machine: MachineSpec = plainMachine): CellPlan => ({
  cell: {
    id: `debian/noiommu/${machine.name}`,
    kernel: { name: 'debian', source: { kind: 'debian', packageGlob: 'linux-source-*' }, patches: [] },
    config: { name: 'noiommu', fragments: [] },
    machine,
  },
  kernel,
  cases,
  absent: [],
})

export const start = (id: string): AgentEvent => ({ event: 'case-start', id })

export const end = (id: string, outcome: 'pass' | 'fail' | 'skip' | 'timeout' = 'pass', more: { readonly message?: string; readonly newTaint?: number } = {}): AgentEvent =>
  ({ event: 'case-end', id, outcome, durationMs: 5, ...more })

/** A console as the marks of these events leave it, with lines put in while a case runs or (key '') before all. */
export const consoleFor = (events: readonly AgentEvent[], during: Readonly<Record<string, readonly string[]>> = {}): readonly string[] => [
  '[    1.000000] Run /init as init process',
  ...(during[''] ?? []),
  ...events.flatMap((event) => {
    if (event.event === 'case-start') return [`[    2.000000] ${consoleMark('start', event.id)}`, ...(during[event.id] ?? [])]
    if (event.event === 'case-end') return [`[    3.000000] ${consoleMark('end', event.id)}`]
    return []
  }),
]

export const lifeOf = (
  events: readonly AgentEvent[],
  more: { readonly asked: readonly string[]; readonly end?: GuestEnd; readonly console?: readonly string[]; readonly alone?: boolean },
): GuestLife => ({
  asked: more.asked,
  alone: more.alone ?? false,
  events,
  console: more.console ?? consoleFor(events),
  end: more.end ?? { how: 'done' },
  bootMs: 2000,
  agentReadyMs: 2500,
  casesMs: 100,
})

export const WARNING: readonly string[] = [
  '[    2.100000] ------------[ cut here ]------------',
  '[    2.100001] WARNING: drivers/iommu/iommufd/device.c:312 at iommufd_device_bind+0x14c/0x1e0, CPU#0: node/141',
  '[    2.100002] ---[ end trace 0000000000000000 ]---',
]
