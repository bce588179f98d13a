import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanLine } from '../host/clean-text.ts'
import { kernelFault, LabError, labFault } from '../host/errors.ts'
import { type StartedProcess, start } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'
import { bootTooLong, sshIsUp } from './boot-progress.ts'
import { converse } from './conversation.ts'
import { DEVICE_LAG_MS, watchComplaints, withNames } from './device-complaints.ts'
import { type DeviceServer, startDeviceServer } from './device-server.ts'
import { forwardedPort } from './forwarded-port.ts'
import { guestCommand } from './guest-command.ts'
import { guestConsole, type GuestConsole, lineOf } from './guest-console.ts'
import { type DeathWatch, deathWatch } from './guest-death.ts'
import { hotPlug } from './hot-plug.ts'
import { qemuArgs, qmpSocket } from './qemu-args.ts'
import { connectQmp, type Qmp } from './qmp.ts'
import type { GuestKeys, RunningVm, VmDeath, VmSpec } from './running-vm.ts'
import { socketFolder } from './socket-folder.ts'
import { openSsh, type SshSession } from './ssh-session.ts'
import { exitText } from './status-text.ts'

export interface VmSurroundings {
  readonly tools: Tools
  readonly keys: GuestKeys
  /** What is deployed to the guest: a tar archive as image/guest-agent.ts makes it. */
  readonly agent: Uint8Array
  /** Aborting ends QEMU. */
  readonly signal: AbortSignal
}

const SSH_RETRY_MS = 50
/** As in images/guest/launcher.ts. */
const AGENT_SOCKET = '/run/agent.sock'
const AGENT_WAITS = /vfio-lab: agent waits/
/** How long the news of QEMU's end may take to arrive. */
const DEATH_LAG_MS = 1_000
/** How long QEMU may take to end after SIGTERM. */
const QEMU_GRACE_MS = 500

/**
 * Boots a guest until SSH is open. Throws, with nothing left behind: LabError kernel/BOOT_PANIC, BOOT_SILENT, BOOT_STUCK, BOOT_NO_DISK,
 * BOOT_NO_NETWORK, BOOT_NO_AGENT, BOOT_FAILED when the guest's kernel does not come up while QEMU lives; lab/QEMU_DIED, SSH_REFUSED; or the signal's reason.
 */
export const startVm = async (spec: VmSpec, surroundings: VmSurroundings): Promise<RunningVm> => {
  await using stack = new AsyncDisposableStack()
  // Stops whatever still waits inside of this boot.
  const over = new AbortController()
  const signal = AbortSignal.any([surroundings.signal, over.signal])

  const sockets = await socketFolder()
  stack.defer(() => rm(sockets, { recursive: true, force: true }))
  const watch = deathWatch()
  const startedAt = performance.now()
  const devices = await startDevices(spec, sockets, surroundings.signal, stack)
  const qemu = await startQemu(spec, sockets, devices, surroundings)
  const console = guestConsole(qemu.stdout, join(spec.folder, 'console.log'), (error) => { watch.labFailed(`console.log cannot be written: ${error.message}`) })
  stack.defer(async () => {
    over.abort()
    await qemu.kill()
    await console.closed
  })
  console.follow((line) => { watch.line(line) })
  tellQemuDeath(qemu, devices, watch, signal)
  for (const device of devices) void device.death.then((because) => { watch.labFailed(because) })

  const limit = AbortSignal.timeout(spec.bootLimitMs)
  const plugging = hotPlug(spec.later ?? [])
  const boot = async (): Promise<{ readonly session: SshSession; readonly qmp: Qmp }> => {
    const booting = AbortSignal.any([signal, limit])
    const qmp = stack.use(await connectQmp(qmpSocket(sockets), (event) => { watch.event(event); plugging.event(event) }, booting))
    const port = await forwardedPort(qmp)
    await sshIsUp(console, booting)
    return { session: await reachSsh(port, surroundings.keys, booting), qmp }
  }
  const { session, qmp } = await Promise.race([
    boot().catch(async (error: unknown) => {
      surroundings.signal.throwIfAborted()
      if (limit.aborted) throw bootTooLong(console, spec.bootLimitMs)
      // A control socket that breaks is most often the first that is heard of QEMU's end.
      const death = await Promise.race([watch.death, sleep(DEATH_LAG_MS)])
      if (death !== undefined) throw bootFault(death, console, performance.now() - startedAt)
      throw devices.length > 0 && error instanceof LabError && error.code === 'QMP_FAILED' ? stuckWith(devices, error) : error
    }),
    watch.death.then((death) => { throw bootFault(death, console, performance.now() - startedAt) }),
  ])
  stack.use(session)
  const bootMs = performance.now() - startedAt

  // While Node starts in the guest.
  const deployed = deploy(session, surroundings.agent, console)
  deployed.catch(() => undefined)
  const owned = stack.move()
  let asked = 0
  return {
    bootMs,
    death: watch.death,
    console: console.lines,
    deviceReports: new Map(devices.map(({ name, reports }) => [name, reports])),
    ask: async function* (request, askSignal) {
      const both = AbortSignal.any([signal, askSignal])
      asked += 1
      await launcherReady(console, asked, spec.bootLimitMs, both)
      await deployed
      const connection = await session.openSocket(AGENT_SOCKET)
      yield* converse({ request, console, connection, signal: both })
    },
    plug: (later) => plugging.plug(later, qmp),
    unplug: (later) => plugging.unplug(later, qmp),
    openShell: async (request) => {
      await deployed
      return session.openShell(request)
    },
    execute: (command, input) => session.execute(command, input),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** They listen before QEMU starts, and end after it. */
const startDevices = async (
  { deviceServers = [], folder }: VmSpec, sockets: string, signal: AbortSignal, owner: AsyncDisposableStack,
): Promise<readonly DeviceServer[]> => {
  const starts = await Promise.allSettled(deviceServers.map((device, index) => startDeviceServer(device, { socket: join(sockets, `d${index}`), folder, signal })))
  const devices = starts.flatMap((started) => (started.status === 'fulfilled' ? [owner.use(started.value)] : []))
  for (const started of starts) if (started.status === 'rejected') throw started.reason
  return devices
}

const startQemu = async (spec: VmSpec, sockets: string, devices: readonly DeviceServer[], { tools, signal }: VmSurroundings): Promise<StartedProcess> => {
  const served = devices.map(({ qemuDevice }) => qemuDevice)
  await writeFile(join(spec.folder, 'qemu.args'), `${qemuArgs(spec, sockets, served).join('\n')}\n`)
  const command = guestCommand(spec, sockets, tools, served)
  return start(command, { what: 'QEMU', signal, graceMs: QEMU_GRACE_MS })
}

const tellQemuDeath = (qemu: StartedProcess, devices: readonly DeviceServer[], watch: DeathWatch, ended: AbortSignal): void => {
  let said = ''
  qemu.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString('utf8')).slice(-64 * 1024) })
  watchComplaints(qemu.stderr, devices, (because) => { watch.labFailed(because) })
  void qemu.exited.then(async (exit) => {
    // Whoever ends it knows.
    if (ended.aborted) return
    // QEMU aborts when a device dies under it: then the device is what to tell of.
    const culprit = await Promise.race([...devices.map((device) => device.ended), sleep(devices.length === 0 ? 0 : DEVICE_LAG_MS)])
    const lines = withNames(said, devices).split('\n').filter((line) => line.trim() !== '' && !line.includes(': warning: '))
    // Registers of every processor follow what it says first.
    const fatal = lines.filter((line) => line.includes('hardware error'))
    const lastWords = (fatal.length > 0 ? fatal : lines).slice(-3).map((line) => cleanLine(line, 400)).join(' / ')
    watch.labFailed(`${culprit === undefined ? '' : `${culprit}; `}QEMU ended with ${exitText(exit)}${lastWords === '' ? '' : `: ${lastWords}`}`)
  })
}

/** Dropbear listens before init says so; what fails here is the network between. A key that is refused will be refused again. */
const reachSsh = async (port: number, keys: GuestKeys, signal: AbortSignal): Promise<SshSession> => {
  for (;;) {
    try {
      return await openSsh(port, keys, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof Error) || error instanceof LabError) throw error
      await sleep(SSH_RETRY_MS, undefined, { signal })
    }
  }
}

const bootFault = (death: VmDeath, console: GuestConsole, durationMs: number): LabError => {
  const details = { durationMs, tail: console.lines.slice(-20) }
  return death.kind === 'lab' ? labFault('QEMU_DIED', death.because, details) : kernelFault('BOOT_PANIC', death.because, details)
}

/** QEMU reads a device's config space before it does anything else, and some it reads for ever. */
const stuckWith = (devices: readonly DeviceServer[], cause: LabError): LabError =>
  labFault(cause.code, `${cause.message}: it may be stuck with the device ${devices.map(({ name }) => name).join(' or ')}`, { cause })

const deploy = async (session: SshSession, agent: Uint8Array, console: GuestConsole): Promise<void> => {
  try {
    await session.execute('tar -x -C /run', agent)
  } catch (cause) {
    throw kernelFault('BOOT_NO_AGENT', 'the agent cannot be written into the guest', { cause, tail: console.lines.slice(-20) })
  }
}

/** Each line of a launcher that waits is good for one request: the nth request wants the nth line. */
const launcherReady = async (console: GuestConsole, nth: number, limitMs: number, signal: AbortSignal): Promise<void> => {
  const limit = AbortSignal.timeout(limitMs)
  let seen = 0
  const counted = (line: string) => {
    if (AGENT_WAITS.test(line)) seen += 1
    return seen >= nth ? true : undefined
  }
  try {
    await lineOf(console, counted, AbortSignal.any([signal, limit]))
  } catch (error) {
    signal.throwIfAborted()
    throw limit.aborted ? bootTooLong(console, limitMs) : error
  }
}
