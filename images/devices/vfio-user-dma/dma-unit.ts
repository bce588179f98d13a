import { crc32 } from 'node:zlib'
import {
  BUFFER_BYTES, COMMAND_READ, COMMAND_WRITE, COMMAND_WRITE_BUFFER, pattern, REGISTER, STATUS_BUSY, STATUS_DONE, STATUS_IDLE, STATUS_NOT_SENT,
  STATUS_REFUSED,
} from '../../../guest-agent/devices/vfio-user-dma-registers.ts'
import { type Bus, type DmaOutcome, register32, register64, type Register } from '../vfio-user/device.ts'
import type { DmaOptions } from './options.ts'

const EFAULT = 14

/** One DMA at a time, of what the registers say, and how it ended. */
export class DmaUnit {
  readonly buffer = new Uint8Array(BUFFER_BYTES)
  readonly registers: readonly Register[]
  readonly #reachable: bigint
  readonly #cut: boolean
  readonly #atEnd: (bus: Bus) => void
  #address = 0n
  #length = 0
  #seed = 0
  #status = STATUS_IDLE
  #errno = 0
  #checksum = 0
  #counts = { done: 0, refused: 0, notSent: 0 }
  /** A DMA that began before a reset tells nothing after it. */
  #era = 0

  constructor({ addressBits, beyond }: Pick<DmaOptions, 'addressBits' | 'beyond'>, atEnd: (bus: Bus) => void) {
    this.#reachable = (1n << BigInt(addressBits)) - 1n
    this.#cut = beyond === 'cut'
    this.#atEnd = atEnd
    this.registers = [
      register32(REGISTER.FEATURES, { read: () => addressBits | (this.#cut ? 0x100 : 0) }),
      register64(REGISTER.ADDRESS, { read: () => this.#address, write: (value) => { this.#address = value } }),
      register32(REGISTER.LENGTH, { read: () => this.#length, write: (value) => { this.#length = value } }),
      register32(REGISTER.SEED, { read: () => this.#seed, write: (value) => { this.#seed = value } }),
      register32(REGISTER.COMMAND, { write: (command, bus) => this.#run(command, bus) }),
      register32(REGISTER.STATUS, { read: () => this.#status }),
      register32(REGISTER.ERRNO, { read: () => this.#errno }),
      register32(REGISTER.CHECKSUM, { read: () => this.#checksum }),
      register32(REGISTER.DONE, { read: () => this.#counts.done }),
      register32(REGISTER.REFUSED, { read: () => this.#counts.refused }),
      register32(REGISTER.NOT_SENT, { read: () => this.#counts.notSent }),
      register32(REGISTER.LIMIT, { read: ({ dma }) => dma.limit }),
    ]
  }

  reset(): void {
    this.#era += 1
    this.#address = 0n
    this.#length = 0
    this.#seed = 0
    this.#status = STATUS_IDLE
    this.#errno = 0
    this.#checksum = 0
    this.#counts = { done: 0, refused: 0, notSent: 0 }
    this.buffer.fill(0)
  }

  async #run(command: number, bus: Bus): Promise<void> {
    if (this.#status === STATUS_BUSY || ![COMMAND_WRITE, COMMAND_READ, COMMAND_WRITE_BUFFER].includes(command)) return
    const era = this.#era
    this.#status = STATUS_BUSY
    const outcome = await this.#transfer(command, bus)
    if (era !== this.#era) return
    this.#end(outcome)
    this.#atEnd(bus)
  }

  async #transfer(command: number, { dma, report }: Bus): Promise<DmaOutcome> {
    const address = this.#address & (this.#cut ? this.#reachable : ~0n)
    if (address + BigInt(this.#length) - 1n > this.#reachable) {
      report({ beyond: address, length: this.#length })
      return { done: false, sent: false, errno: EFAULT, code: 'EFAULT' }
    }
    if (command === COMMAND_WRITE) return dma.write(address, pattern(this.#seed, Math.min(this.#length, dma.limit + 1)))
    if (command === COMMAND_WRITE_BUFFER) return dma.write(address, this.buffer.subarray(0, this.#length))
    const era = this.#era
    const outcome = await dma.read(address, this.#length)
    if (outcome.done && era === this.#era) {
      this.buffer.set(outcome.bytes.subarray(0, BUFFER_BYTES))
      this.#checksum = crc32(outcome.bytes)
    }
    return outcome
  }

  #end(outcome: DmaOutcome): void {
    this.#errno = outcome.done ? 0 : outcome.errno
    if (outcome.done) {
      this.#status = STATUS_DONE
      this.#counts.done += 1
    } else if (outcome.sent) {
      this.#status = STATUS_REFUSED
      this.#counts.refused += 1
    } else {
      this.#status = STATUS_NOT_SENT
      this.#counts.notSent += 1
    }
  }
}
