import { Errno } from '../../../../guest-agent/sys/errno.ts'
import { ProtocolError, refusal } from '../wire/errors.ts'
import { COMMAND, encodeMessage, type Message } from '../wire/message.ts'
import { payloads } from '../wire/payloads.ts'

/** What became of one DMA, as the device sees it. */
export type DmaOutcome =
  | { readonly done: true }
  /**
   * `sent`: the client refused it. QEMU says ENODEV whatever stood in the way: nothing mapped there, mapped for reading only, bus mastering
   * off. What lies on both sides of a hole may have been written. Otherwise this side refused it: longer than the limit (E2BIG), too many
   * at once (EBUSY), nobody connected (ENOTCONN).
   */
  | { readonly done: false; readonly sent: boolean; readonly errno: number; readonly code: string }

export type DmaReadOutcome = (DmaOutcome & { readonly done: false }) | { readonly done: true; readonly bytes: Uint8Array }

/** Which way, from the device's place. */
export type DmaDirection = 'read' | 'write'

export interface DmaRecord {
  readonly direction: DmaDirection
  readonly address: bigint
  readonly length: number
  readonly outcome: DmaOutcome
}

/** The device's way to memory: through the guest's IOMMU, with the rights that it has at that moment. */
export interface Dma {
  /** Most bytes in one DMA. */
  readonly limit: number
  /** Reads guest memory. Resolves when the outcome is known; never rejects. */
  readonly read: (address: bigint, length: number) => Promise<DmaReadOutcome>
  readonly write: (address: bigint, bytes: Uint8Array) => Promise<DmaOutcome>
}

interface Link {
  readonly send: (message: Uint8Array) => void
  readonly limit: number
}

interface Pending {
  readonly direction: DmaDirection
  readonly address: bigint
  readonly length: number
  readonly settle: (answer: Message | Errno) => void
}

/** So many may be under way. */
const MOST_PENDING = 256
const MESSAGE_IDS = 0x10000

/**
 * DMA by messages: DMA_READ and DMA_WRITE to the client and its replies. Nothing here waits; a request leaves after the message at hand was
 * answered, because a client in the middle of a register access cannot do DMA.
 */
export class DmaEngine implements Dma {
  readonly #record: (record: DmaRecord) => void
  readonly #pending = new Map<number, Pending>()
  #link: Link | undefined
  #lastId = 0

  constructor(record: (record: DmaRecord) => void) {
    this.#record = record
  }

  get limit(): number {
    return this.#link?.limit ?? 0
  }

  connect(link: Link): void {
    this.#link = link
  }

  /** The client is gone: what is under way has no outcome but this. */
  disconnect(): void {
    this.#link = undefined
    for (const { settle } of [...this.#pending.values()]) settle(refusal('ECONNRESET', 'DMA'))
    this.#pending.clear()
  }

  read = async (address: bigint, length: number): Promise<DmaReadOutcome> => {
    const { outcome, reply } = await this.#transfer('read', address, length)
    return outcome.done ? { done: true, bytes: reply.subarray(payloads.dmaAccess.size) } : outcome
  }

  write = async (address: bigint, bytes: Uint8Array): Promise<DmaOutcome> =>
    (await this.#transfer('write', address, bytes.byteLength, bytes.slice())).outcome

  /** A reply of the client. Throws ProtocolError when it answers nothing, or not what was asked. */
  answer(message: Message): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) throw new ProtocolError(`a reply to a request ${message.id} that was not made`)
    if (message.command !== COMMANDS[pending.direction]) throw new ProtocolError(`a reply to command ${message.command}, which was not the request`)
    if (message.errno === undefined) checkReply(pending, message.payload)
    this.#pending.delete(message.id)
    pending.settle(message)
  }

  async #transfer(direction: DmaDirection, address: bigint, length: number, data?: Uint8Array): Promise<{ readonly outcome: DmaOutcome; readonly reply: Uint8Array }> {
    const refused = this.#refused(length)
    const answer = refused ?? await this.#request(direction, address, length, data)
    const outcome = outcomeOf(answer, refused === undefined)
    this.#record({ direction, address, length, outcome })
    return { outcome, reply: answer instanceof Errno ? new Uint8Array() : answer.payload }
  }

  #refused(length: number): Errno | undefined {
    if (this.#link === undefined) return refusal('ENOTCONN', 'DMA')
    if (!Number.isSafeInteger(length) || length < 1) return refusal('EINVAL', 'DMA')
    if (length > this.#link.limit) return refusal('E2BIG', 'DMA')
    return this.#pending.size >= MOST_PENDING ? refusal('EBUSY', 'DMA') : undefined
  }

  #request(direction: DmaDirection, address: bigint, length: number, data?: Uint8Array): Promise<Message | Errno> {
    const id = this.#freeId()
    const { promise, resolve } = Promise.withResolvers<Message | Errno>()
    this.#pending.set(id, { direction, address, length, settle: resolve })
    const access = payloads.dmaAccess.make({ address: BigInt.asUintN(64, address), count: BigInt(length) })
    const request = encodeMessage({ id, command: COMMANDS[direction] }, access.bytes, ...(data === undefined ? [] : [data]))
    const link = this.#link
    queueMicrotask(() => { link?.send(request) })
    return promise
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId + 1) % MESSAGE_IDS
    while (this.#pending.has(this.#lastId))
    return this.#lastId
  }
}

const COMMANDS = { read: COMMAND.DMA_READ, write: COMMAND.DMA_WRITE } as const

const checkReply = ({ direction, address, length }: Pending, payload: Uint8Array): void => {
  const { size } = payloads.dmaAccess
  if (payload.byteLength !== size + (direction === 'read' ? length : 0)) throw new ProtocolError(`a reply to a DMA ${direction} of ${length} bytes has ${payload.byteLength}`)
  const access = payloads.dmaAccess.at(payload)
  if (access.get('address') !== BigInt.asUintN(64, address) || access.get('count') !== BigInt(length)) {
    throw new ProtocolError(`a reply to a DMA ${direction} at 0x${address.toString(16)} speaks of another place or length`)
  }
}

const outcomeOf = (answer: Message | Errno, sent: boolean): DmaOutcome => {
  if (answer instanceof Errno) return { done: false, sent, errno: answer.errno, code: answer.code }
  if (answer.errno === undefined) return { done: true }
  // The protocol lets an error come without its number.
  const { errno, code } = new Errno(answer.errno, 'DMA')
  return { done: false, sent, errno, code }
}
