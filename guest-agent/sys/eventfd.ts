import { setTimeout } from 'node:timers/promises'
import { Errno } from './errno.ts'
import { Fd } from './fd.ts'
import { checked } from './libc.ts'
import { readText } from './text-file.ts'

const EFD_NONBLOCK = 0o4000
const EFD_CLOEXEC = 0o2000000

/**
 * The number that the next eventfd would get. The kernel gives out the lowest that is free, and takes it back when the last one who holds the
 * context lets go, so it grows when somebody forgot to. Undefined: /proc shows none.
 */
export const nextEventFdId = (): number | undefined => {
  using event = new EventFd()
  const id = /^eventfd-id:\s*(\d+)$/m.exec(readText(`/proc/self/fdinfo/${event.fd.number}`) ?? '')?.[1]
  return id === undefined ? undefined : Number(id)
}

/** A counter that the kernel raises: how VFIO signals an interrupt. */
export class EventFd implements Disposable {
  readonly fd: Fd

  constructor(what = 'eventfd') {
    this.fd = new Fd(checked('eventfd()', (c) => c.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), what)
  }

  /** What was counted since the last read; 0 when nothing. */
  read(): number {
    const bytes = new Uint8Array(new ArrayBuffer(8))
    try {
      checked(`read(${this.fd.what})`, (c) => c.read(this.fd.number, bytes, 8))
    } catch (error) {
      if (error instanceof Errno && error.code === 'EAGAIN') return 0
      throw error
    }
    return Number(new DataView(bytes.buffer).getBigUint64(0, true))
  }

  /** Raises it from user space. */
  write(count = 1): void {
    const bytes = new Uint8Array(new ArrayBuffer(8))
    new DataView(bytes.buffer).setBigUint64(0, BigInt(count), true)
    checked(`write(${this.fd.what})`, (c) => c.write(this.fd.number, bytes, 8))
  }

  /** Waits until it was raised; the count, or 0 when `timeoutMs` went by first. */
  async wait(timeoutMs = 2000, signal?: AbortSignal): Promise<number> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const count = this.read()
      if (count > 0 || performance.now() >= deadline) return count
      await setTimeout(1, undefined, signal === undefined ? {} : { signal })
    }
  }

  [Symbol.dispose](): void {
    this.fd.close()
  }
}
