import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { cleanLine } from '../host/clean-text.ts'
import { type LabError, labFault, yours } from '../host/errors.ts'
import { lineSplitter } from '../host/line-splitter.ts'
import { type Exit, start, type StartedProcess } from '../host/spawn.ts'
import { type DeviceReport, parseReport } from './device-report.ts'
import type { DeviceServerSpec } from './running-vm.ts'
import { exitText } from './status-text.ts'

/** The program that a PCI device of the guest is, besides QEMU. Disposing ends it. */
export interface DeviceServer extends AsyncDisposable {
  readonly name: string
  readonly socket: string
  /** What QEMU's -device wants, to be put behind the IOMMU. */
  readonly qemuDevice: string
  /** What it has said so far; bounded. Grows. */
  readonly reports: readonly DeviceReport[]
  /** Settles when the device is no good any more, with the reason; never rejects, and stays open when the server is disposed. */
  readonly death: Promise<string>
  /** The process has ended. */
  readonly ended: Promise<string>
}

interface Surroundings {
  /** Where its socket shall be: a short path that QEMU can see. */
  readonly socket: string
  /** For the file of its reports, NAME.ndjson. */
  readonly folder: string
  readonly signal: AbortSignal
}

const MAIN = join(import.meta.dirname, '..', '..', 'images', 'devices', 'vfio-user', 'main.ts')
/** Node starts, and reads some files; a busy host needs a while for that. */
const LISTEN_MS = 30_000
/** QEMU waits so long for an answer and then gives the device up. Less would be too little for a host with more guests than processors. */
const ANSWER_MS = 30_000
/** Between the end of the connection and the news of QEMU's own end. */
const QEMU_LAG_MS = 1_000
/** As in images/devices/vfio-user/main.ts. */
const USER_STATUS = 2
const MOST_BYTES = 16 * 2 ** 20

/**
 * Starts the server of one device and waits until it listens. It is ended by disposing it only, so that it outlives QEMU, which
 * would otherwise find a dead device in its guest.
 * Throws LabError yours/BAD_DEVICE (the file or its options are not right), lab/DEVICE_DIED, DEVICE_SILENT, or the signal's reason.
 */
export const startDeviceServer = async (spec: DeviceServerSpec, { socket, folder, signal }: Surroundings): Promise<DeviceServer> => {
  signal.throwIfAborted()
  await using stack = new AsyncDisposableStack()
  const child = stack.use(await start(
    serverCommand(spec, socket),
    { what: `the device ${spec.name}`, graceMs: 500 },
  ))
  const over = new AbortController()
  const words = lastWords(child.stderr)
  const listening = Promise.withResolvers<undefined>()
  const death = Promise.withResolvers<string>()
  const reports: DeviceReport[] = []
  const written = saveReports(child, join(folder, `${spec.name}.ndjson`), (report) => {
    reports.push(report)
    if (report.event === 'listening') listening.resolve(undefined)
    if (report.event !== 'disconnected') return
    setTimeout(() => { death.resolve(`the device ${spec.name} and QEMU lost each other: ${cleanLine(report.because, 200)}`) }, QEMU_LAG_MS).unref()
  })
  stack.defer(async () => {
    over.abort()
    await child.kill()
    await written
  })
  const ended = child.exited.then((exit) => `the device ${spec.name} ended with ${exitText(exit)}${words()}`)
  void ended.then((because) => { if (!over.signal.aborted) death.resolve(because) })
  await Promise.race([listening.promise, child.exited.then((exit) => { throw startFault(spec, exit, words()) }), late(spec, signal, over.signal)])
  const owned = stack.move()
  return {
    name: spec.name,
    socket,
    qemuDevice: qemuDevice(spec, socket),
    reports,
    death: death.promise,
    ended,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The server of one device, listening there. */
export const serverCommand = ({ file, options }: DeviceServerSpec, socket: string) => ({
  file: process.execPath,
  args: [MAIN, file, '--socket', socket, ...(options === undefined ? [] : ['--options', JSON.stringify(options)])],
})

/** What QEMU's -device wants. Only JSON can say where the socket is. Without an option ROM there is nothing of the device that firmware would run. */
export const qemuDevice = ({ id, bus, answerLimitMs = ANSWER_MS }: DeviceServerSpec, socket: string): string =>
  JSON.stringify({ driver: 'vfio-user-pci', id, bus, rombar: 0, 'x-msg-timeout': answerLimitMs, socket: { type: 'unix', path: socket } })

const saveReports = (child: StartedProcess, file: string, onReport: (report: DeviceReport) => void): Promise<void> => {
  const log = createWriteStream(file)
  // A full disk is told by the files that the run cannot do without.
  log.on('error', () => undefined)
  let bytes = 0
  const lines = lineSplitter((raw) => {
    bytes += raw.length + 1
    const line = cleanLine(raw, 4096)
    const report = parseReport(line)
    // That QEMU is gone must be heard, whatever was told before.
    if (bytes > MOST_BYTES && report?.event !== 'disconnected') return
    log.write(`${line}\n`)
    if (report !== undefined) onReport(report)
  })
  child.stdout.on('data', (chunk: Buffer) => { lines.push(chunk) })
  return finished(child.stdout).catch(() => undefined).then(async () => {
    lines.end()
    log.end()
    await finished(log).catch(() => undefined)
  })
}

/** The end of what a program says, ` : ` before it, or nothing. */
const lastWords = (stream: Readable): (() => string) => {
  let said = ''
  stream.on('data', (chunk: Buffer) => { said = (said + chunk.toString('utf8')).slice(-4096) })
  return () => {
    const lines = said.split('\n').map((line) => cleanLine(line, 300)).filter((line) => line.trim() !== '')
    return lines.length === 0 ? '' : `: ${lines.slice(-3).join(' / ')}`
  }
}

const startFault = (spec: DeviceServerSpec, exit: Exit, words: string): LabError =>
  exit.code === USER_STATUS
    ? yours('BAD_DEVICE', `the device ${spec.name} cannot be started${words}`, { hint: `see ${spec.file}, and docs/devices.md` })
    : labFault('DEVICE_DIED', `the device ${spec.name} ended with ${exitText(exit)} before it listened${words}`, { hint: `see ${spec.file}` })

const late = (spec: DeviceServerSpec, signal: AbortSignal, over: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const timer = setTimeout(() => {
      reject(labFault('DEVICE_SILENT', `the device ${spec.name} did not listen within ${LISTEN_MS / 1000} s`, { hint: `does ${spec.file} wait for something that never comes?` }))
    }, LISTEN_MS)
    over.addEventListener('abort', () => { clearTimeout(timer) }, { once: true })
    signal.addEventListener('abort', () => { reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))) }, { once: true, signal: over })
  })
