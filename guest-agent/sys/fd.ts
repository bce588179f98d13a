import { checked, libc } from './libc.ts'

const O_RDWR = 2
const O_CLOEXEC = 0o2000000

const live = new Set<Fd>()

/** A file descriptor that somebody owns. `what` says what it is, for messages and for the list of leftovers. */
export class Fd implements Disposable {
  readonly number: number
  readonly what: string
  #open = true

  constructor(number: number, what: string) {
    this.number = number
    this.what = what
    live.add(this)
  }

  /** Opens read-write; throws Errno. */
  static open(path: string, flags = O_RDWR): Fd {
    return new Fd(checked(`open(${path})`, (c) => c.open(path, flags | O_CLOEXEC, 0)), path)
  }

  get isOpen(): boolean {
    return this.#open
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    live.delete(this)
    libc().close(this.number)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** The descriptors opened through Fd that nobody has closed yet. */
export const openFds = (): readonly Fd[] => [...live]
