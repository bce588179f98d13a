import { Errno } from '../../../../guest-agent/sys/errno.ts'
import { VFIO } from '../../../../guest-agent/uapi/vfio.ts'
import { type Channel, type ChannelUser } from '../socket/channel.ts'
import { closeAll } from '../socket/descriptors.ts'
import { ProtocolError, refusal } from '../wire/errors.ts'
import { COMMAND, encodeMessage, MAX_DATA_BYTES, type Message } from '../wire/message.ts'
import { atLeast, exactly, payloads } from '../wire/payloads.ts'
import { agree, type Terms, versionReply } from '../wire/version.ts'
import { regionInfo } from './region-info.ts'
import type { RunningDevice } from './running-device.ts'

const { VFIO_DEVICE_FLAGS_RESET, VFIO_DEVICE_FLAGS_PCI, VFIO_PCI_NUM_REGIONS, VFIO_PCI_NUM_IRQS } = VFIO

interface Answer {
  readonly payload?: readonly Uint8Array[]
  /** Descriptors for the client; they stay open here. */
  readonly fds?: readonly number[]
}

const NOTHING: Answer = {}

/** What a client's commands do, from its VERSION to its end. */
export class Session implements ChannelUser {
  readonly #channel: Channel
  readonly #device: RunningDevice
  readonly #onEnd: (because: string) => void
  /** What was agreed on in the first message. */
  #terms: Terms | undefined

  constructor(channel: Channel, device: RunningDevice, onEnd: (because: string) => void) {
    this.#channel = channel
    this.#device = device
    this.#onEnd = onEnd
  }

  message(message: Message): void {
    let kept = false
    try {
      if (message.reply) {
        this.#device.dma.answer(message)
        return
      }
      const answer = this.#answer(message)
      kept = message.command === COMMAND.DEVICE_SET_IRQS
      this.#reply(message, undefined, answer)
    } catch (error) {
      if (!(error instanceof Errno)) throw error
      this.#reply(message, error.errno, NOTHING)
    } finally {
      if (!kept) closeAll(message.fds)
    }
  }

  ended(because: string): void {
    this.#device.disconnected()
    this.#onEnd(because)
  }

  #reply({ id, command, posted }: Message, errno: number | undefined, { payload = [], fds = [] }: Answer): void {
    if (posted) return
    this.#channel.send(encodeMessage({ id, command, reply: true, ...(errno === undefined ? {} : { errno }) }, ...payload), fds)
  }

  /** Throws Errno for a command that is refused, and ProtocolError when the connection must end. */
  #answer(message: Message): Answer {
    const { command, payload } = message
    if (this.#terms === undefined && command !== COMMAND.VERSION) throw new ProtocolError(`command ${command} came before VERSION`)
    switch (command) {
      case COMMAND.VERSION:
        return this.#version(payload)
      // Only the client knows what the device may reach at the moment: DMA goes by messages, and nothing is remembered of these.
      case COMMAND.DMA_MAP:
        exactly(payloads.dmaMap, payload)
        return NOTHING
      case COMMAND.DMA_UNMAP:
        return { payload: [exactly(payloads.dmaUnmap, payload).bytes] }
      case COMMAND.DEVICE_GET_INFO:
        return this.#deviceInfo(payload)
      case COMMAND.DEVICE_GET_REGION_INFO:
        return this.#regionInfo(payload)
      case COMMAND.DEVICE_GET_IRQ_INFO:
        return this.#irqInfo(payload)
      case COMMAND.DEVICE_SET_IRQS:
        return this.#setIrqs(message)
      case COMMAND.REGION_READ:
        return this.#regionRead(payload)
      case COMMAND.REGION_WRITE:
        return this.#regionWrite(payload)
      case COMMAND.REGION_WRITE_MULTI:
        return this.#regionWriteMulti(payload)
      case COMMAND.DEVICE_RESET:
        this.#device.reset('client')
        return NOTHING
      default:
        throw refusal('EOPNOTSUPP', `command ${command}`)
    }
  }

  #version(payload: Uint8Array): Answer {
    if (this.#terms !== undefined) throw refusal('EINVAL', 'VERSION for a second time')
    const terms = agree(payload)
    this.#terms = terms
    const limit = terms.maxDataBytes
    // The device may use the bus at once, and its requests come behind the reply.
    this.#device.connected({ send: (bytes) => { this.#channel.send(bytes) }, limit })
    return { payload: versionReply(terms) }
  }

  #deviceInfo(payload: Uint8Array): Answer {
    roomFor(payloads.deviceInfo.size, exactly(payloads.deviceInfo, payload).get('argsz'))
    const info = payloads.deviceInfo.make({
      flags: VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI, num_regions: VFIO_PCI_NUM_REGIONS, num_irqs: VFIO_PCI_NUM_IRQS,
    })
    return { payload: [info.bytes] }
  }

  #regionInfo(payload: Uint8Array): Answer {
    const request = exactly(payloads.regionInfo, payload)
    const index = request.get('index')
    const region = this.#device.region(index)
    if (region === undefined) throw refusal('EINVAL', `region ${index}`)
    roomFor(payloads.regionInfo.size, request.get('argsz'))
    const answer = regionInfo(index, region, request.get('argsz'))
    return { payload: [answer.payload], fds: answer.fds }
  }

  #irqInfo(payload: Uint8Array): Answer {
    const request = exactly(payloads.irqInfo, payload)
    roomFor(payloads.irqInfo.size, request.get('argsz'))
    const index = request.get('index')
    return { payload: [payloads.irqInfo.make({ index, ...this.#device.interrupts.info(index) }).bytes] }
  }

  #setIrqs({ payload, fds }: Message): Answer {
    const request = atLeast(payloads.irqSet, payload)
    if (request.get('argsz') < payloads.irqSet.size) throw refusal('EINVAL', 'SET_IRQS with a short argsz')
    this.#device.interrupts.set({
      flags: request.get('flags'), index: request.get('index'), start: request.get('start'), count: request.get('count'), data: request.tail, fds,
    })
    return NOTHING
  }

  #regionRead(payload: Uint8Array): Answer {
    const request = exactly(payloads.regionAccess, payload)
    const place = this.#place(request.get('region'), request.get('offset'), request.get('count'))
    return { payload: [request.bytes, this.#device.read(place.region, place.offset, place.count)] }
  }

  #regionWrite(payload: Uint8Array): Answer {
    const request = atLeast(payloads.regionAccess, payload)
    const place = this.#place(request.get('region'), request.get('offset'), request.get('count'))
    if (request.tail.byteLength !== place.count) throw refusal('EINVAL', `REGION_WRITE of ${place.count} bytes brings ${request.tail.byteLength}`)
    this.#device.write(place.region, place.offset, request.tail)
    return { payload: [request.bytes.subarray(0, payloads.regionAccess.size)] }
  }

  #regionWriteMulti(payload: Uint8Array): Answer {
    const { oneWrite, writeMulti } = payloads
    const request = atLeast(writeMulti, payload)
    if (BigInt(request.tail.byteLength) !== request.get('count') * BigInt(oneWrite.size)) throw refusal('EINVAL', 'REGION_WRITE_MULTI of another length')
    for (let at = 0; at < request.tail.byteLength; at += oneWrite.size) {
      const one = oneWrite.at(request.tail, at)
      const place = this.#place(one.get('region'), one.get('offset'), one.get('count'))
      if (place.count > 8) throw refusal('EINVAL', `REGION_WRITE_MULTI of ${place.count} bytes at once`)
      this.#device.write(place.region, place.offset, new Uint8Array(new BigUint64Array([one.get('data')]).buffer, 0, place.count))
    }
    return { payload: [request.bytes.subarray(0, writeMulti.size)] }
  }

  /** A piece of a region that is there. */
  #place(region: number, offset: bigint, count: number): { readonly region: number; readonly offset: number; readonly count: number } {
    const size = this.#device.region(region)?.size ?? 0
    if (count < 1 || count > MAX_DATA_BYTES || offset + BigInt(count) > BigInt(size)) {
      throw refusal('EINVAL', `${count} bytes at 0x${offset.toString(16)} of region ${region}`)
    }
    return { region, offset: Number(offset), count }
  }
}

const roomFor = (size: number, argsz: number): void => {
  if (argsz < size) throw refusal('EINVAL', `an argsz of ${argsz}`)
}
