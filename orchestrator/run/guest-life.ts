import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentEvent, CellFacts, ProgramRun } from '../../guest-agent/protocol.ts'
import { consoleMark } from '../../guest-agent/protocol.ts'
import { LabError } from '../host/errors.ts'
import type { PlannedCase } from '../plan/plan.ts'
import { programEvents } from '../verdict/program-events.ts'
import type { GuestEnd, GuestLife } from '../verdict/transcript.ts'
import type { RunningVm, VmDeath } from '../vm/running-vm.ts'
import { caseWatchdog } from './case-watchdog.ts'

export interface LifeRequest {
  readonly cases: readonly PlannedCase[]
  readonly cell: CellFacts
  readonly alone: boolean
  /** How much longer than on hardware virtualisation a case may take. */
  readonly timeoutScale: number
  boot(): Promise<RunningVm>
  /** The whole console of a guest that did not come up. */
  bootConsole(): Promise<readonly string[]>
  onEvent(event: AgentEvent, afterBootMs: number): void
  readonly signal: AbortSignal
}

/** The agent ends a slow case by itself at its limit; only a blocked kernel lets this much more pass. */
const WATCHDOG_GRACE_MS = 5_000
/** Until the agent has its devices bound, from one case to the next, and from the last one to its end: seconds at most, and never so long. */
const BETWEEN_CASES_MS = 60_000
/** How long the console may lag behind the network before its last mark counts as missing. */
const CONSOLE_LAG_MS = 2_000
/** How long a panic may take to follow the end of the connection that it caused. */
const DEATH_LAG_MS = 1_000

/** One guest from its boot to its end, whatever that is. Never throws for what the guest or QEMU does; only for a bug in the lab. */
export const liveOnce = async (request: LifeRequest): Promise<GuestLife> => {
  const asked = request.cases.map(({ id }) => id)
  const events: AgentEvent[] = []
  const booting = performance.now()
  const unborn = (end: GuestEnd, console: readonly string[]): GuestLife => ({
    asked, alone: request.alone, events, console, end, bootMs: Math.round(performance.now() - booting), agentReadyMs: 0, casesMs: 0,
  })

  let vm: RunningVm
  try {
    vm = await request.boot()
  } catch (error) {
    if (request.signal.aborted) return unborn({ how: 'interrupted' }, [])
    if (!(error instanceof LabError) || error.kind === 'yours') throw error
    return unborn({ how: error.kind === 'kernel' ? 'boot-failed' : 'lab-error', because: error.message }, await request.bootConsole())
  }

  await using running = vm
  let agentReadyMs = 0
  const judged = programEvents(request.cases)
  const end = await followAgent(running, request, (told) => {
    const event = judged(told)
    if (agentReadyMs === 0) agentReadyMs = Math.round(performance.now() - booting)
    // What a program said is in the verdict on it by now.
    if (event.event !== 'output') events.push(event)
    request.onEvent(event, Math.round(performance.now() - booting))
  })
  await awaitLastMark(running, events)
  return {
    asked,
    alone: request.alone,
    events,
    console: [...running.console],
    end,
    bootMs: Math.round(running.bootMs),
    agentReadyMs,
    casesMs: agentReadyMs === 0 ? 0 : Math.round(performance.now() - booting) - agentReadyMs,
  }
}

const followAgent = async (vm: RunningVm, request: LifeRequest, onEvent: (event: AgentEvent) => void): Promise<GuestEnd> => {
  using watchdog = caseWatchdog(BETWEEN_CASES_MS * request.timeoutScale)
  const stop = new AbortController()
  const limits = new Map(request.cases.map(({ id, timeoutMs }) => [id, timeoutMs * request.timeoutScale + WATCHDOG_GRACE_MS]))

  const talk = async (): Promise<GuestEnd> => {
    const question = { run: { cases: request.cases.map(({ id }) => id), programs: programRuns(request.cases), cell: request.cell, timeoutScale: request.timeoutScale } }
    for await (const event of vm.ask(question, stop.signal)) {
      if (event.event === 'case-start') watchdog.caseStarted(event.id, limits.get(event.id) ?? WATCHDOG_GRACE_MS)
      if (event.event === 'case-end') watchdog.caseEnded()
      onEvent(event)
      if (event.event === 'plug' || event.event === 'unplug') await vm[event.event](event.later)
      if (event.event === 'agent-error') return { how: 'lab-error', because: `the agent could not work: ${event.message}` }
    }
    return { how: 'done' }
  }

  try {
    return await Promise.race([
      talk().catch((error: unknown) => whyTalkEnded(error, vm, request.signal)),
      vm.death.then(fromDeath),
      watchdog.expired.then(({ caseId, limitMs }): GuestEnd => (caseId === undefined
        ? { how: 'agent-died', because: `the agent began no case and came to no end within ${Math.round(limitMs / 1000)} s: it hangs, as when it binds or unbinds a device` }
        : { how: 'case-timeout', caseId, limitMs })),
      aborted(request.signal).then((): GuestEnd => ({ how: 'interrupted' })),
    ])
  } finally {
    stop.abort()
  }
}

const programRuns = (cases: readonly PlannedCase[]): readonly ProgramRun[] => cases.flatMap(({ id, timeoutMs, program }) => {
  if (program === undefined) return []
  const { argv, environment, device, hugePages, sriov } = program
  return [{ id, timeoutMs, argv, environment, hugePages, sriov, ...(device === undefined ? {} : { device }) }]
})

// A connection that broke is often only the first that is heard of a panic or of QEMU's end: the cause is worth a short wait.
const whyTalkEnded = async (error: unknown, vm: RunningVm, signal: AbortSignal): Promise<GuestEnd> => {
  if (signal.aborted) return { how: 'interrupted' }
  const death = await Promise.race([vm.death, sleep(DEATH_LAG_MS)])
  if (death !== undefined) return fromDeath(death)
  if (!(error instanceof LabError)) throw error
  return error.kind === 'kernel' ? { how: 'agent-died', because: error.message } : { how: 'lab-error', because: error.message }
}

const fromDeath = ({ kind, because }: VmDeath): GuestEnd => ({ how: kind === 'kernel' ? 'panic' : 'lab-error', because })

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => { resolve() }, { once: true })
  })

// The console comes another way than the events: the life is not over before its last mark has arrived.
const awaitLastMark = async (vm: RunningVm, events: readonly AgentEvent[]) => {
  const last = events.findLast((event) => event.event === 'case-end')
  if (last === undefined) return
  const mark = consoleMark('end', last.id)
  const deadline = performance.now() + CONSOLE_LAG_MS
  while (performance.now() < deadline && !vm.console.some((line) => line.includes(mark))) await sleep(20)
}
