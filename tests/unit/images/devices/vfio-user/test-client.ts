import { join } from 'node:path'
import { vi } from 'vitest'
import type { Device } from '../../../../../images/devices/vfio-user/device/define-device.ts'
import { serve } from '../../../../../images/devices/vfio-user/serve.ts'
import { type Channel, type ChannelUser, connect } from '../../../../../images/devices/vfio-user/socket/channel.ts'
import { closeAll } from '../../../../../images/devices/vfio-user/socket/descriptors.ts'
import { COMMAND, encodeMessage, type Message } from '../../../../../images/devices/vfio-user/wire/message.ts'
import { payloads } from '../../../../../images/devices/vfio-user/wire/payloads.ts'
import { temporaryDir } from '../../../../lab-process.ts'

export const CONFIG = 7
const EINVAL = 22
const ENODEV = 19

interface Region {
  readonly start: bigint
  readonly bytes: Uint8Array
  readonly writeable: boolean
}

/** The client's side of the protocol, as QEMU has it: asks, and does the DMA that the device asks for, where it has memory. */
export class Client implements ChannelUser {
  /** What the device may reach. */
  readonly memory: Region[] = []
  readonly #waiting = new Map<number, (reply: Message) => void>()
  readonly #channel: Channel
  readonly #ended = Promise.withResolvers<string>()
  #lastId = 0

  constructor(path: string) {
    this.#channel = connect(path, () => this)
  }

  /** Resolves with the reason when the connection has ended. */
  get end(): Promise<string> {
    return this.#ended.promise
  }

  /** Rejects when the connection ends instead. */
  async request(command: number, payload: readonly Uint8Array[] = [], fds: readonly number[] = []): Promise<Message> {
    const id = ++this.#lastId
    const reply = new Promise<Message>((resolve) => { this.#waiting.set(id, resolve) })
    this.#channel.send(encodeMessage({ id, command }, ...payload), fds)
    return Promise.race([reply, this.#ended.promise.then((because) => { throw new Error(because) })])
  }

  post(command: number, ...payload: readonly Uint8Array[]): void {
    this.#channel.send(encodeMessage({ id: ++this.#lastId, command, posted: true }, ...payload))
  }

  raw(bytes: Uint8Array, fds: readonly number[] = []): void {
    this.#channel.send(bytes, fds)
  }

  version(text = '{"capabilities":{"max_msg_fds":16,"max_data_xfer_size":1048576,"write_multiple":true}}\0'): Promise<Message> {
    return this.request(COMMAND.VERSION, [payloads.version.make().bytes, Buffer.from(text)])
  }

  async read(region: number, offset: number, count: number): Promise<Uint8Array> {
    const reply = await this.request(COMMAND.REGION_READ, [payloads.regionAccess.make({ offset: BigInt(offset), region, count }).bytes])
    if (reply.errno !== undefined) throw new Error(`errno ${reply.errno}`)
    return reply.payload.subarray(payloads.regionAccess.size)
  }

  async read32(region: number, offset: number): Promise<number> {
    return Buffer.from(await this.read(region, offset, 4)).readUInt32LE()
  }

  async write(region: number, offset: number, bytes: Uint8Array): Promise<number | undefined> {
    const access = payloads.regionAccess.make({ offset: BigInt(offset), region, count: bytes.byteLength })
    return (await this.request(COMMAND.REGION_WRITE, [access.bytes, bytes])).errno
  }

  write32(region: number, offset: number, value: number): Promise<number | undefined> {
    return this.write(region, offset, new Uint8Array(new Uint32Array([value]).buffer))
  }

  async setIrqs(flags: number, index: number, start: number, count: number, fds: readonly number[] = [], data = new Uint8Array()): Promise<number | undefined> {
    return (await this.request(COMMAND.DEVICE_SET_IRQS, [payloads.irqSet.make({ flags, index, start, count }).bytes, data], fds)).errno
  }

  close(): void {
    this.#channel.close('the client has enough')
  }

  message(message: Message): void {
    if (message.reply) {
      const wanted = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (wanted === undefined) closeAll(message.fds)
      else wanted(message)
      return
    }
    const access = payloads.dmaAccess.at(message.payload)
    const writes = message.command === COMMAND.DMA_WRITE
    const place = this.#place(access.get('address'), Number(access.get('count')), writes)
    const answer = { id: message.id, command: message.command, reply: true }
    if (place === undefined) {
      this.#channel.send(encodeMessage({ ...answer, errno: ENODEV }))
      return
    }
    const head = access.bytes.slice(0, payloads.dmaAccess.size)
    if (writes) place.set(access.tail)
    this.#channel.send(encodeMessage(answer, head, ...(writes ? [] : [place])))
  }

  ended(because: string): void {
    this.#ended.resolve(because)
  }

  #place(address: bigint, length: number, writes: boolean): Uint8Array | undefined {
    const region = this.memory.find(({ start, bytes, writeable }) =>
      address >= start && address + BigInt(length) <= start + BigInt(bytes.byteLength) && (writeable || !writes))
    if (region === undefined) return undefined
    const at = Number(address - region.start)
    return region.bytes.subarray(at, at + length)
  }
}

export interface ServedDevice extends AsyncDisposable {
  readonly path: string
  /** What the server has reported so far. */
  readonly reports: readonly Readonly<Record<string, unknown>>[]
  /** A client that has agreed on the version. */
  readonly client: () => Promise<Client>
}

/** The device behind a real socket, in this process. */
export const served = async (device: Device): Promise<ServedDevice> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryDir())
  const path = join(folder.path, 'd')
  const reports: Record<string, unknown>[] = []
  const listener = serve(device, path, (line) => { reports.push(parsed(line)) })
  stack.defer(() => { listener.close() })
  const held = stack.move()
  return {
    path,
    reports,
    client: async () => {
      const client = new Client(path)
      await client.version()
      return client
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

const parsed = (line: string): Record<string, unknown> => {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) throw new Error(`${line} is no object`)
  return { ...value }
}

/** Waits until the server has reported something like this. */
export const reported = ({ reports }: ServedDevice, wanted: Readonly<Record<string, unknown>>): Promise<void> =>
  vi.waitFor(() => {
    if (!reports.some((line) => Object.entries(wanted).every(([key, value]) => line[key] === value))) throw new Error(`not reported: ${JSON.stringify(wanted)}; so far: ${JSON.stringify(reports)}`)
  }, { timeout: 5000, interval: 5 })

export { EINVAL }
