import fs from 'node:fs'
import { ProtocolError } from '../wire/errors.ts'
import { Framer } from '../wire/framer.ts'
import type { Message } from '../wire/message.ts'
import { closeAll } from './descriptors.ts'
import { receiveFrom } from './receive-thread.ts'
import { connectTo, hangUp, limitSending, listenAt, send } from './unix-socket.ts'

export interface ChannelUser {
  /** Owns the message's descriptors. What it throws ends the connection. */
  readonly message: (message: Message) => void
  /** Comes once, and nothing after it. */
  readonly ended: (because: string) => void
}

/** A peer that does not read for so long is given up. */
const SEND_LIMIT_S = 10

/** One connection, of either side: messages in, messages out. */
export class Channel {
  readonly #fd: number
  readonly #framer = new Framer()
  readonly #user: ChannelUser
  #closedBecause: string | undefined

  constructor(fd: number, use: (channel: Channel) => ChannelUser) {
    this.#fd = fd
    limitSending(fd, SEND_LIMIT_S)
    this.#user = use(this)
  }

  /** Sends one message, made by encodeMessage(). A peer that is gone ends the connection; nothing is sent after that. */
  send(bytes: Uint8Array, fds: readonly number[] = []): void {
    if (this.#isClosed()) return
    try {
      send(this.#fd, bytes, fds)
    } catch (error) {
      this.close(reasonOf(error))
    }
  }

  close(because: string): void {
    this.#closedBecause ??= because
    hangUp(this.#fd)
  }

  /** For whoever receives. */
  received(bytes: Uint8Array, fds: readonly number[]): void {
    if (this.#isClosed()) {
      closeAll(fds)
      return
    }
    try {
      for (const message of this.#framer.push(bytes, fds)) {
        if (this.#isClosed()) closeAll(message.fds)
        else this.#user.message(message)
      }
    } catch (error) {
      this.close(reasonOf(error))
    }
  }

  /** For whoever receives: nothing comes any more. */
  ended(because: string): void {
    closeAll(this.#framer.abandon())
    fs.closeSync(this.#fd)
    this.#closedBecause ??= because
    this.#user.ended(this.#closedBecause)
  }

  #isClosed(): boolean {
    return this.#closedBecause !== undefined
  }
}

export interface Listener {
  /** Takes no more connections and ends the one that there is. */
  readonly close: () => void
}

/** Takes one connection after the other at this path, which must not exist yet. Throws Errno. */
export const listen = (path: string, use: (channel: Channel) => ChannelUser): Listener => {
  const socket = listenAt(path)
  let channel: Channel | undefined
  let closed = false
  receiveFrom(socket, true, {
    connected: (fd) => { channel = new Channel(fd, use) },
    received: (bytes, fds) => { channel?.received(bytes, fds) },
    ended: (because) => {
      channel?.ended(because)
      channel = undefined
    },
    // A server that nobody can reach had better end than wait.
    stopped: (because) => {
      if (!closed) throw new Error(`${path} takes no more connections: ${because}`)
    },
  })
  return {
    close: () => {
      closed = true
      hangUp(socket)
      channel?.close('the server ends')
    },
  }
}

/** The other side of it. Throws Errno when nobody listens. */
export const connect = (path: string, use: (channel: Channel) => ChannelUser): Channel => {
  const fd = connectTo(path)
  const channel = new Channel(fd, use)
  receiveFrom(fd, false, {
    received: (bytes, fds) => { channel.received(bytes, fds) },
    ended: (because) => { channel.ended(because) },
  })
  return channel
}

const reasonOf = (error: unknown): string => {
  if (error instanceof ProtocolError) return error.message
  return error instanceof Error ? error.message : String(error)
}
